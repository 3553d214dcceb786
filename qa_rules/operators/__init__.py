"""Operators: conditions that can be run on a call, each with its verdict."""
