"""QA rule language: document, linter, evaluation with evidence, scoring."""
