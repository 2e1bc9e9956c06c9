"""Who may use the dashboard: addresses, login links, sessions, what browsers may do."""
