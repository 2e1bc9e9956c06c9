"""Environments: found by content, built once, shared by tasks that can't change them."""
