"""QA rule sets."""
