"""What a user's script imports. Standard library only."""
