"""The launcher: forks one shim per request until the worker is gone."""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Sequence

from . import identity, prctl, protect, shim, signals, tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

MAX_HELD = 16
"""File descriptors in one request."""
MAX_REQUEST_BYTES = 65536
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)


def serve(channel: socket.socket) -> None:
    """Answer every request with the pid of a shim. Returns when the other end is closed.

    One JSON object per line each way: {"folder", "claim", "read_only"} is answered by
    {"pid", "started_ticks"} or {"error"}.
    """
    protection = protect.Protection()
    wakeup, wakeup_end = os.pipe()
    os.set_blocking(wakeup, False)
    os.set_blocking(wakeup_end, False)
    signal.set_wakeup_fd(wakeup_end, warn_on_full_buffer=False)
    signals.handle(signals.CHLD, lambda number, frame: None)
    identity.boot_id()  # known from here on, to every shim
    prctl.adopt_orphans()
    shims: set[int] = set()
    while True:
        ready = select.select([channel.fileno(), wakeup], [], [])[0]
        if wakeup in ready:
            os.read(wakeup, 4096)
            _reap(shims)
        if channel.fileno() in ready and not _answer(channel, protection, shims):
            return


def _answer(channel: socket.socket, protection: protect.Protection, shims: set[int]) -> bool:
    """Serve one request; return False when the worker is gone."""
    try:
        line, held = _receive(channel)
        if not line:
            return False
        answer = _start(line, held, protection)
        if (pid := answer.get("pid")) is not None:
            shims.add(pid)
        channel.sendall(json.dumps(answer).encode("ascii") + b"\n")
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _receive(channel: socket.socket) -> tuple[bytes, list[int]]:
    line, held = b"", []
    while not line.endswith(b"\n"):
        part, fds, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, MAX_HELD, _CLOSE_ON_EXEC)
        held += fds
        if not part:
            return b"", held
        line += part
    return line, held


def _start(line: bytes, held: Sequence[int], protection: protect.Protection) -> "dict[str, Any]":
    try:
        request: dict[str, Any] = json.loads(line)
        paths = request["read_only"] if protect.can_protect() else ()
        notes = protection.make_read_only(paths) if paths else []
        # Read here: a process that was just forked pays for each page that it touches.
        spec = shim.read_spec(request["folder"])
        pid = _fork_shim(shim.Start(request["folder"], request["claim"], spec, notes), held)
    except OSError as e:
        return {"error": f"can't fork: {e.strerror}"}
    finally:
        for fd in held:
            os.close(fd)
    return {"pid": pid, "started_ticks": _started_ticks(pid)}


def _fork_shim(what: shim.Start, held: Sequence[int]) -> int:
    for fd in held:
        os.set_inheritable(fd, False)
    # A signal that comes before the shim is ready must wait, not kill it.
    signals.hold_back()
    pid = os.fork()
    if pid == 0:
        _be_shim(what, held)
    signals.let_through()
    return pid


def _be_shim(what: shim.Start, held: Sequence[int]) -> "NoReturn":
    try:
        shim.run(what, held)
        os._exit(0)
    except Exception:  # noqa: BLE001 - the last frame of a process: nobody else would print it
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(1)


def _started_ticks(pid: int) -> int:
    # Not started_ticks(): a shim that has ended already is still ours to name.
    fields = identity.stat_fields(pid) if sys.platform == "linux" else None
    return int(fields[19]) if fields else 0


def _reap(shims: set[int]) -> None:
    """Collect what has ended. What a shim that broke left behind is ours by now: it is killed."""
    broke = False
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            break
        broke |= pid not in shims or status != 0
        shims.discard(pid)
    if broke:
        tree.kill(set(tree.own_children()) - shims)
