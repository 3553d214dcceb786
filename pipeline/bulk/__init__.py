"""Bulk runs: trials, back-tests and re-analyses, chunk by chunk in the background."""
