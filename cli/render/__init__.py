"""What people and scripts see: tables, times, progress, JSON."""
