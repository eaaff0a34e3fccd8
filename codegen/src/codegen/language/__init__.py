"""The mapping language: how a provider's payload becomes a unified record."""
