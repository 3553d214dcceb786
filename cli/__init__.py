"""The `tingjian` command: composition root."""
