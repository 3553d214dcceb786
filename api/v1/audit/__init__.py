"""The audit trail (administrators)."""
