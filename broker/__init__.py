"""The shared language, the Python client, and the only code that speaks to Redis."""
