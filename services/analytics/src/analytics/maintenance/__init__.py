"""Keeps the tables of the lake small: merges files and manifests, expires snapshots, removes what nothing names."""
