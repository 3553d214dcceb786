"""Human review at work: locks, verdicts, human scores, appeals, what a new analysis changes."""
