"""Light tasks: many in one process of their environment, and what starts, hears and replaces it."""
