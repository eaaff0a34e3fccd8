"""The contract catalogue: a static site that opens from disk and needs nothing but its own files."""
