"""Evaluation: a rule set compiled once and run on calls."""
