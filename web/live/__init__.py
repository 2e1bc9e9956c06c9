"""What pages are told while they are open: server-sent events."""
