"""Ends the embedded server, always by asking it, so that everything is on disk."""

from collections.abc import Collection
from pathlib import Path

from .. import urls
from ..errors import BrokerUnavailable
from . import probe, wait
from .layout import Layout
from .lock import is_held, locked
from .start import read_running


def url_if_running(data: Path) -> str | None:
    """Return the URL of the server of a data folder, or None if none answers."""
    running = read_running(Layout(data.absolute()))
    if running is None or probe.ask(Path(running.socket)) is probe.Answer.NONE:
        return None
    return urls.of_socket(Path(running.socket))


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
    running = read_running(Layout(data.absolute()))
    if running is None or probe.ask(socket := Path(running.socket)) is not probe.Answer.READY:
        return False
    return not probe.has_others(socket, ignored=ignored) and not probe.has_leases(socket)


def _stop_locked(layout: Layout, timeout_s: float) -> bool:
    if not is_held(layout.server_lock):
        return False
    if (running := read_running(layout)) is None:
        raise BrokerUnavailable(
            f"a server uses {layout.folder}, but {layout.running.name} there is gone: "
            "end it by hand (see server.pid there)"
        )
    socket = Path(running.socket)
    if refusal := probe.shut_down(socket):
        raise BrokerUnavailable(
            f"the embedded server does not stop: {refusal} Its log: {wait.log_tail(layout)}"
        )
    if not wait.until_ended(layout, timeout_s=timeout_s):
        raise BrokerUnavailable(wait.no_answer(layout, socket, timeout_s))
    layout.running.unlink(missing_ok=True)
    return True
