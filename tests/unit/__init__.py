"""Without a server."""
