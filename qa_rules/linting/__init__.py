"""Linters: what a rule document may say and should not, each with its line and fix."""
