"""The reference table of merchants: what is agreed with each, version by version."""
