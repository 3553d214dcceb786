"""Rule documents: YAML to values and back, their schema, and what changed between two."""
