"""Starts, watches and stops the processes of tasks, whoever started them.

The files that run without the worker (launcher_main, launcher_loop, shim, supervision, started, child,
clone, tree, cgroup, memory, deadline, boot_clock, exit_file, identity, prctl, protect, signals)
import the standard library only.
"""
