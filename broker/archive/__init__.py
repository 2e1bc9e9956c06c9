"""What is kept of tasks that left Redis: segments of tasks and content-addressed files."""
