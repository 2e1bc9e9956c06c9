"""Ends the embedded server, always by asking it, so that everything is on disk."""

from collections.abc import Collection
from pathlib import Path

from ..errors import BrokerRefused, BrokerUnavailable
from . import probe, wait
from .endpoint import Endpoint, endpoint_of
from .layout import Layout
from .lock import is_held, locked
from .start import read_running


def url_if_running(data: Path) -> str | None:
    """Return the URL of the server of a data folder, or None if none answers.

    Raises:
        BrokerRefused: its password can't be read; AccessDenied if the server does not take it.
    """
    server = _answering(Layout(data.absolute()))
    return None if server is None else server.url


def runs_tasks(data: Path, *, but: str = "") -> bool:
    """Return whether a task of any namespace but one is running on the server of a data folder."""
    server = _answering(Layout(data.absolute()))
    return server is not None and probe.has_leases(server, but=but)


def stop(data: Path, *, timeout_s: float = 30.0) -> bool:
    """End the server of a data folder. Return False if none ran.

    Raises:
        BrokerUnavailable: it refuses (full disk) or does not end in time.
    """
    layout = Layout(data.absolute())
    if not layout.lock.exists():
        return False
    with locked(layout.lock, timeout_s=timeout_s):
        return _stop_locked(layout, timeout_s)


def stop_if_unused(data: Path, *, ignored: Collection[str] = (), timeout_s: float = 30.0) -> bool:
    """End the server if no task runs and nobody else is connected. Return whether it ended.

    Args:
        data: the server's data folder.
        ignored: client names (see connection.connect) that don't count, such as our own.
        timeout_s: for its end.
    """
    layout = Layout(data.absolute())
    if not layout.lock.exists():
        return False
    with locked(layout.lock, timeout_s=timeout_s):
        if not is_idle(data, ignored=ignored):
            return False
        return _stop_locked(layout, timeout_s)


def is_idle(data: Path, *, ignored: Collection[str] = ()) -> bool:
    """Return whether a server runs with no task running and nobody else connected."""
    layout = Layout(data.absolute())
    server = _answering(layout)
    if server is None or wait.ask(layout, server) is not probe.Answer.READY:
        return False
    return not probe.has_others(server, ignored=ignored) and not probe.has_leases(server)


def _answering(layout: Layout) -> Endpoint | None:
    """Return the server that was started last if one still answers there, also a loading one."""
    if (running := read_running(layout)) is None:
        return None
    try:
        server = endpoint_of(layout, running)
        return None if wait.ask(layout, server) is probe.Answer.NONE else server
    except BrokerRefused:
        if probe.is_there(Path(running.socket)):
            raise
        return None  # what is wrong with the files of a server that is gone, its next start mends


def _stop_locked(layout: Layout, timeout_s: float) -> bool:
    if not is_held(layout.server_lock):
        return False
    if (running := read_running(layout)) is None:
        raise BrokerUnavailable(
            f"a server uses {layout.folder}, but {layout.running.name} there is gone: "
            "end it by hand (see server.pid there)"
        )
    server = endpoint_of(layout, running)
    wait.ask(layout, server)  # the client takes a refused login for an end
    if refusal := probe.shut_down(server):
        raise BrokerUnavailable(
            f"the embedded server does not stop: {refusal} Its log: {wait.log_tail(layout)}"
        )
    if not wait.until_ended(layout, timeout_s=timeout_s):
        raise BrokerUnavailable(wait.no_answer(layout, server, timeout_s))
    layout.running.unlink(missing_ok=True)
    return True
