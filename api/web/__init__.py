"""Web pages: templates, routes, static files."""
