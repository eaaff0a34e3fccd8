"""Dashboards for Grafana: what is on them is said here in our own words, and drawn by its Foundation SDK."""
