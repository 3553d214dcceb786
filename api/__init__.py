"""FastAPI application: v1 nouns, auth, errors, web pages."""
