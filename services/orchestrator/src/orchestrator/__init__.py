"""Runs one durable workflow per payment event."""
