"""Receives a provider's webhooks and writes them to Kafka."""
