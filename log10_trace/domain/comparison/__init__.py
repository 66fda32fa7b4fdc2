"""Comparison of two calls: what is equal, what differs, and where. Pure."""
