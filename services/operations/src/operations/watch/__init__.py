"""Asks the parts that show no metrics of their own, and shows what they say to Prometheus."""
