"""Mappings as programs: planned against their record and payload, compiled to Python, and interpreted as an oracle."""
