"""`rq-agent doctor`: looks at everything that must be right, and says what to do where it is not."""
