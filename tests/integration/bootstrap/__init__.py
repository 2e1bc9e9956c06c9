"""Real scripts in real interpreters, through the bootstrap."""
