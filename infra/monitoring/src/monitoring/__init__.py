"""The list of all metrics, and the rules and alerts made from it."""
