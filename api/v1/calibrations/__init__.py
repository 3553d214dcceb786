"""Blind calibration of reviewers."""
