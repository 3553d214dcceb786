"""Scoring: scorecards, and findings added up on them."""
