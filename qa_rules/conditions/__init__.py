"""Conditions as values: what a rule asks, before anything runs."""
