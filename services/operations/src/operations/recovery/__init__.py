"""What the pipeline could not use comes back: quarantined and raw events, through today's contract, under the same id."""
