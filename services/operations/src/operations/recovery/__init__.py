"""Brings back what the pipeline could not use: original bytes, through today's contract, under the same event id."""
