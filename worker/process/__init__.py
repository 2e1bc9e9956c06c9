"""Starts, watches and stops the processes of tasks, whoever started them.

The files that run without the worker (launcher_main, launcher_loop, shim, supervision, child, tree,
exit_file, identity, prctl, protect) import the standard library only.
"""
