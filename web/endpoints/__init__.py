"""What the API answers, one file for each noun."""
