"""One file for each Lua script."""
