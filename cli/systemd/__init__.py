"""Units of systemd: templates beside this file, and what fills them in, writes and removes them."""
