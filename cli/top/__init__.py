"""The live view of `top`: needs the extra `tui`."""
