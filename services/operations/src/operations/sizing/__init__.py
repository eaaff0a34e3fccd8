"""How many machines a rate of events takes, and what they cost."""
