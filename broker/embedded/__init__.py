"""A real Valkey or Redis of the user's own, started when no URL is configured."""
