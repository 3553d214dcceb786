"""Rules as controlled Chinese sentences: written from a rule, and read back to the same rule."""
