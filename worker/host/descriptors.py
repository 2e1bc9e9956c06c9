"""File descriptors of a host that forks."""

from __future__ import annotations

import os
import resource
import tempfile

_limits = resource.getrlimit(resource.RLIMIT_NOFILE)


def raise_limit() -> None:
    """Take as many as this system gives: each child has three here."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (_limits[1], _limits[1]))
    except (ValueError, OSError):
        return  # macOS says that there is no limit, and then refuses it


def give_back_limit() -> None:
    """In a child: what the tasks of this worker usually have."""
    soft, (_, hard) = _limits[0], resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)  # somebody may have lowered it
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def file_in_memory() -> int:
    """Return a file without a name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("rq-agent-result")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


def close_all_but(kept: int, highest: int) -> None:
    """In a child: close what is above the standard three, up to `highest`, but for one."""
    os.closerange(3, kept)
    os.closerange(kept + 1, highest + 1)
