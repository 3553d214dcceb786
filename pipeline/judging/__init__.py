"""The optional language model that answers questions about a call, with quotes that are checked."""
