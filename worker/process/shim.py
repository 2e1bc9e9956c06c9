"""The process between the worker and one task: it outlives the worker and keeps the result.

It is forked from the launcher, works in the run folder and leaves there `exit.json`.
"""

import json
import os
import sys
import time
from collections.abc import Sequence

from . import cgroup, child, exit_file, identity, prctl, signals
from .deadline import Deadline
from .started import Started
from .supervision import Supervision, Wakeup

SPEC_NAME = "spec.json"
LOG_NAME = "shim.log"
"""There only if something is to be said."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Start:
    """What a shim is asked to do."""

    def __init__(
        self,
        folder: str,
        claim: str,
        spec: "dict[str, Any] | Exception",
        notes: Sequence[str],
    ) -> None:
        """A plain class, since launcher and shim load as little as they can.

        Args:
            folder: the run folder.
            claim: name of the link by which this start takes the folder; see `take_folder`.
            spec: what `read_spec` returned.
            notes: lines for shim.log.
        """
        self.folder = folder
        self.claim = claim
        self.spec = spec
        self.notes = notes


def read_spec(folder: str) -> "dict[str, Any] | Exception":
    """Return what is to be started in a folder, or why it can't be."""
    try:
        with open(os.path.join(folder, SPEC_NAME), "rb") as f:
            spec: dict[str, Any] = json.load(f)
    except (OSError, ValueError) as e:
        return e
    return spec


def run(what: Start, held: Sequence[int]) -> None:
    """Run the task of a folder to its end; `held` files stay open so long, but not in the task."""
    os.setsid()
    os.umask(0o077)
    os.chdir(what.folder)
    _keep_only(held)
    try:
        _run(what)
    except Exception:
        _open_log()
        raise


def _run(what: Start) -> None:
    for line in what.notes:
        _note(line)
    if not take_folder(what.claim):
        return
    prctl.set_name("rq-agent-shim")
    prctl.adopt_orphans()
    wakeup = Wakeup()
    signals.let_through()
    started_at = time.time()
    fields: dict[str, object] = {"started_at": started_at, "ended_at": started_at}
    try:
        fields |= _supervise(what.spec, wakeup)
    except child.NotStarted as e:
        fields["error"] = str(e)[: exit_file.ERROR_CHARACTERS]
    except (OSError, ValueError, KeyError) as e:
        fields["error"] = f"the task was not started: {e}"[: exit_file.ERROR_CHARACTERS]
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


def _supervise(spec: "dict[str, Any] | Exception", wakeup: Wakeup) -> "dict[str, object]":
    if isinstance(spec, Exception):
        raise spec
    deadline = Deadline(spec["deadline_s"])
    if deadline.left_s() == 0:
        return {"stopped_by": "deadline"}
    started = _start(spec)
    try:
        supervision = Supervision(
            wakeup,
            started,
            deadline,
            grace_s=spec["grace_s"],
            mem_limit_mib=spec["mem_limit_mib"],
        )
        return supervision.run()
    finally:
        started.close()


def _start(spec: "dict[str, Any]") -> Started:
    """Start the program, in a control group of its own where that can be."""
    what = spec["argv"], spec["env"], spec["cwd"], spec["umask"]
    if spec["cgroup"]:
        try:
            return _start_in_group(what, cgroup.make(spec["cgroup"]), spec["mem_limit_mib"])
        except (OSError, child.NotInGroup) as e:
            _note(f"no control group: {e}")
    return Started(child.start(*what, group=None), None)


def _start_in_group(
    what: "tuple[list[str], dict[str, str], str, int]", group: cgroup.Group, mem_limit_mib: float
) -> Started:
    try:
        group.limit(mem_limit_mib)
        return Started(child.start(*what, group=group.fd), group)
    except BaseException:
        group.close()
        raise


def _keep_only(held: Sequence[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for target in (0, 1, 2):
        os.dup2(null, target)
    low = 3
    for fd in sorted(held):
        os.closerange(low, fd)
        low = fd + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def _open_log() -> None:
    """Send what Python prints to shim.log from here on."""
    log = os.open(LOG_NAME, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.dup2(log, 2)
    os.close(log)


def _note(line: str) -> None:
    try:
        _open_log()
    except OSError:
        return  # a full disk: the task is worth more than the line
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
