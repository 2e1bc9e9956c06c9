"""The real program of hosts, driven over its socket as a worker does."""
