"""Gets the servers: each tool is a complete, verified directory of the cache, or it is absent."""
