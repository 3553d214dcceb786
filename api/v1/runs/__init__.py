"""Background runs: trials, back-tests, re-analyses."""
