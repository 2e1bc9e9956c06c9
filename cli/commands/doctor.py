"""`rq-agent doctor`."""

from ..options import Common


def doctor(common: Common) -> int:
    """Look at all that must be right: server, workers, keys, tools, GPUs, disks; say what to do.

    Takes 5 s at most. The exit code is 1 if something can't work.
    """
    from ..doctor.examining import examine

    return examine(common)
