"""What `up` keeps running."""
