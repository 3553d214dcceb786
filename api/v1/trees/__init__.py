"""Key-event trees."""
