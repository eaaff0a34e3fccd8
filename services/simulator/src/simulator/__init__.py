"""Sends signed webhooks made from the contracts' examples."""
