"""One machine: claim, environment, run, watch, report."""
