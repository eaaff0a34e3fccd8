"""One module per server: its configuration, its process and the steps it needs."""
