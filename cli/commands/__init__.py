"""The commands of `tingjian`, one module for each group."""
