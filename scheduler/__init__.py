"""Loops that any number of processes may run at once: archiver, cron, controllers."""
