"""Turns raw webhooks into unified payment events, in Flink."""
