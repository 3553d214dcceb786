"""Accuracy ledger of the rules, and its frozen figures."""
