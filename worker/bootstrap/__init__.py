"""What a task starts with: runs the user's script as the real `__main__`. Standard library only."""
