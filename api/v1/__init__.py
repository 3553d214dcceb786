"""REST, version 1: one folder per noun."""
