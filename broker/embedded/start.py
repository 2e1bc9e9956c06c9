"""Makes sure that the embedded server runs: exactly one per data folder.

Two locks. `lock` is held by whoever looks and starts. `server.lock` is held by the server
itself, which inherits it: so "does it live" never rests on a pid that another process may
have by now, or on a socket file that a crash left behind.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from ..errors import BrokerRefused, BrokerUnavailable
from ..roles import LOCAL
from . import binary, filesystem, probe, settings, spawn, users, versions, wait
from .endpoint import Endpoint, endpoint_of
from .layout import Layout, Running, make_private, socket_place
from .lock import locked, try_lock

_LOCK_TIMEOUT_S: Final = wait.LOADING_S + 60
_LARGEST_LOG_BYTES: Final = 1024 * 1024


def ensure(
    data: Path,
    *,
    runtime: Path | None = None,
    max_memory_bytes: int = 0,
    report: Callable[[str], None] = lambda text: None,
) -> str:
    """Return the URL of the server of a data folder; start it if it does not run.

    It holds a password: show it only through urls.redacted, and put it into no argument.

    Args:
        data: on a local disk; created if need be.
        runtime: where its socket goes; the data folder itself if that has a short path.
        max_memory_bytes: 0 is a quarter of the machine's memory.
        report: told when it takes long, once.

    Raises:
        BrokerRefused: network file system, somebody else's folder, files of a newer server, or
            its password can't be read; AccessDenied if the server does not take it.
        BrokerUnavailable: the server can't be started, or does not answer.
    """
    layout = Layout(data.absolute())
    spawn.reap()
    if (server := _answering(layout)) is not None:
        return server.url
    filesystem.check_local(layout.folder)
    try:
        make_private(layout.folder, may_be_link=True)
        with locked(layout.lock, timeout_s=_LOCK_TIMEOUT_S):
            return _ensure_locked(layout, runtime, max_memory_bytes, report).url
    except OSError as e:
        raise BrokerUnavailable(
            f"can't keep the embedded server's files in {layout.folder}: {e}; "
            "set RQ_AGENT_HOME to a folder with room that you may write to"
        ) from e


def read_running(layout: Layout) -> Running | None:
    """Return what was started last, or None if that is not known."""
    try:
        return msgspec.json.decode(layout.running.read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):  # who starts a server meets the same and says so
        return None


def has_users(data: Path) -> bool:
    """Return whether the server that ensure() gave asks for a login.

    One that an older version started does not, until it ends: it must not be opened to a network.
    """
    running = read_running(Layout(data.absolute()))
    return running is not None and bool(running.user)


def _answering(layout: Layout) -> Endpoint | None:
    """The fast path, without a lock: a server of our own program."""
    running = read_running(layout)
    if running is None or running.binary_stamp != binary.stamp():
        return None
    try:
        server = endpoint_of(layout, running)
        return server if probe.ask(server) is probe.Answer.READY else None
    except BrokerRefused:
        return None  # it may be starting just now; else who holds the lock meets the same


def _ensure_locked(
    layout: Layout, runtime: Path | None, max_memory_bytes: int, report: Callable[[str], None]
) -> Endpoint:
    held = try_lock(layout.server_lock)
    if held is None:
        server = _running_server(layout)
        if wait.until_ready(layout, server, report=report) and not _took_over(layout, server):
            return server
        held = try_lock(layout.server_lock)
        assert held is not None, "only the holder of layout.lock starts servers"
    return _start(layout, runtime, max_memory_bytes, report, held)


def _took_over(layout: Layout, server: Endpoint) -> bool:
    """End an older server that nobody uses; never a newer one. Return whether it has ended."""
    ours = binary.find().version
    if not versions.is_newer(ours, probe.version(server)) or probe.has_others(server):
        return False
    if probe.shut_down(server):  # it refuses, e.g. its disk is full: it can still serve
        return False
    if not wait.until_ended(layout, timeout_s=wait.ANSWER_S):
        raise BrokerUnavailable(wait.no_answer(layout, server, wait.ANSWER_S))
    return True


def _running_server(layout: Layout) -> Endpoint:
    if (running := read_running(layout)) is None:
        raise BrokerUnavailable(
            f"a server uses {layout.folder}, but {layout.running.name} there is gone, so its "
            "socket is unknown: end it (see server.pid there), then try again"
        )
    return endpoint_of(layout, running)


def _start(
    layout: Layout,
    runtime: Path | None,
    max_memory_bytes: int,
    report: Callable[[str], None],
    held: int,
) -> Endpoint:
    try:
        program = binary.find()
        _check_files(layout, program.version)
        socket = socket_place(layout.folder, runtime)
        limit_bytes = max_memory_bytes or settings.default_max_memory_bytes()
        users.prepare(layout, report)
        text = settings.config_text(
            layout,
            socket,
            max_memory_bytes=limit_bytes,
        )
        _write(layout.config, text)
        running = Running(socket=str(socket), binary_stamp=binary.stamp(), user=LOCAL)
        _write(layout.running, msgspec.json.encode(running).decode())
        _turn_log(layout.log)
        layout.pid.unlink(missing_ok=True)
        spawn.spawn(program.path, layout.config, layout.log, held)
    finally:
        os.close(held)
    server = endpoint_of(layout, running)
    if not wait.until_ready(layout, server, report=report):
        raise BrokerUnavailable(
            f"the embedded server ended at its start; {layout.log} says: {wait.log_tail(layout)}"
        )
    _write(layout.version, msgspec.json.encode(program.version).decode())
    return server


def _check_files(layout: Layout, ours: versions.ServerVersion) -> None:
    try:
        writer = msgspec.json.decode(layout.version.read_bytes(), type=versions.ServerVersion)
    except (FileNotFoundError, msgspec.MsgspecError):
        return  # unknown: the server says itself what it can't read
    if not versions.can_read(ours, writer):
        raise BrokerRefused(
            f"the files in {layout.folder} were written by {writer}, which this installation's "
            f"{ours} can't read: upgrade rq-agent, or set RQ_AGENT_HOME to begin afresh"
        )


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole; only its owner may read it."""
    fresh = path.with_name(f"{path.name}.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    fresh.replace(path)


def _turn_log(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LARGEST_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
