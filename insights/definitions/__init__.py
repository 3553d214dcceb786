"""The entries of the metric dictionary, one module for each level."""
