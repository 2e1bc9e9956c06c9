"""The process between the worker and one task: it outlives the worker and keeps the result.

It is forked from the launcher, works in the run folder and leaves there `exit.json`.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from typing import Any

from . import child, exit_file, identity, prctl
from .supervision import Supervision, Wakeup

SPEC_NAME = "spec.json"
LOG_NAME = "shim.log"


def run(folder: str, claim: str, held: Sequence[int], notes: Sequence[str]) -> None:
    """Run the task of a folder to its end.

    Args:
        folder: the run folder, with spec.json in it.
        claim: name of the link by which this start takes the folder; see `take_folder`.
        held: file descriptors to keep open as long as the task runs, and from the task.
        notes: lines for shim.log.
    """
    os.setsid()
    os.umask(0o077)
    os.chdir(folder)
    _keep_only(held)
    for line in notes:
        _note(line)
    if not take_folder(claim):
        return
    prctl.set_name("rq-agent-shim")
    prctl.adopt_orphans()
    wakeup = Wakeup()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, child.HELD_BACK)
    started_at = time.time()
    fields: dict[str, object] = {"started_at": started_at, "ended_at": started_at}
    try:
        supervision = _start(wakeup)
    except child.NotStarted as e:
        fields["error"] = str(e)[: exit_file.ERROR_CHARACTERS]
    except (OSError, ValueError, KeyError) as e:
        fields["error"] = f"the task was not started: {e}"[: exit_file.ERROR_CHARACTERS]
    else:
        fields |= supervision.run()
    exit_file.write(".", fields)


def take_folder(claim: str) -> bool:
    """Return whether this process, and no other, is the shim of the folder it is in.

    A link can be made only once and carries who made it, so a worker whose launcher died in the
    middle of a start can make sure that the start never happens, or learn that it did.
    """
    try:
        os.symlink(identity.of_this_process(), claim)
    except FileExistsError:
        return False
    return True


def _start(wakeup: Wakeup) -> Supervision:
    with open(SPEC_NAME, "rb") as f:
        spec: dict[str, Any] = json.load(f)
    pid = child.start(spec["argv"], spec["env"], spec["cwd"], spec["umask"])
    return Supervision(wakeup, pid, grace_s=spec["grace_s"])


def _keep_only(held: Sequence[int]) -> None:
    """Close all files but the held ones; what Python prints goes to shim.log."""
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    log = os.open(LOG_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for source, target in ((null, 0), (null, 1), (log, 2)):
        os.dup2(source, target)
    low = 3
    for fd in sorted(held):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _note(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
