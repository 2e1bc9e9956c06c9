"""How a task runs: one file per kind of sandbox, behind one protocol."""
