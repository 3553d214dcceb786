"""Kernel of every package: settings, ids, spans, errors, logging. Imports nothing of ours."""
