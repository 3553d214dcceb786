"""Sign-in sessions."""
