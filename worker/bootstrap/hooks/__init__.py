"""One file per library whose parameters can be overridden without touching the script."""
