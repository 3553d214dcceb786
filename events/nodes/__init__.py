"""Nodes that users make: what their examples are worth, and which built-in act they mean."""
