"""Verdicts: three-valued logic, what one condition says, and what a rule makes of it."""
