"""How good the recognition is, measured against labelled calls. Pure functions but for `run`."""
