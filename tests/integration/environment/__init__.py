"""Environments, with the real uv."""
