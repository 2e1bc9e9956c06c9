"""Whether a test notices when a guard of a script is gone: `make mutation`."""
