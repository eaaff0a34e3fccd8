"""Runs the whole pipeline locally, as plain processes."""
