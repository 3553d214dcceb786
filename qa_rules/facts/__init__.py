"""Facts: what one call offers to the conditions, worked out once and shared."""
