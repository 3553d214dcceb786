"""SOP execution rates."""
