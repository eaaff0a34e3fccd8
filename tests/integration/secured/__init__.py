"""Servers that ask who a client is, each a process of its own on ports that were free."""
