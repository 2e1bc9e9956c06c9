"""What a script needs installed, reduced to requirement lines; one file per source."""
