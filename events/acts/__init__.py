"""Dialogue acts of telesales calls: the built-in model, its label set and its training corpus."""
