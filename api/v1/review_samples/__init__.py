"""Random samples of findings to be reviewed."""
