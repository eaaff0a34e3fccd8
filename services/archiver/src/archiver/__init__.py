"""Keeps raw records and dead letters in the lake, for longer than Kafka does."""
