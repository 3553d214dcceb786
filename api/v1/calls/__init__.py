"""Calls: upload, list, detail, results, audio."""
