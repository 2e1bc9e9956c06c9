"""Figures: one program, one run, a table and JSON."""
