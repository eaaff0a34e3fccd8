"""Builds Silver and Gold with Dagster and dbt."""
