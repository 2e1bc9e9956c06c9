"""Makes reference pages out of the program itself, so that they can't drift."""
