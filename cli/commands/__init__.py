"""One file per command: what it takes, and what it does with the packages below."""
