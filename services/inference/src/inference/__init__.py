"""Scores payments for fraud and advises on retries."""
