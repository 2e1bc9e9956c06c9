"""Which dashboards of this user run on this machine.

Each holds a lock on a small file as long as it lives, so that a file that was left behind by one
that was killed fools nobody.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from .access.hosts import url_of


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """One dashboard that answers requests."""

    pid: int
    host: str
    port: int
    namespace: str
    context: str

    @property
    def url(self) -> str:
        """Return its address."""
        return url_of(self.host, self.port)


def logins_of(folder: Path, port: int) -> Path:
    """Return where the login tickets of a dashboard lie."""
    return folder / f"{port}.logins"


@contextmanager
def registered(folder: Path, running: Running) -> Iterator[None]:
    """Make a dashboard known as long as it runs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{running.port}.json"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)  # who had the port before is gone: we have it
        os.truncate(handle, 0)
        os.write(handle, msgspec.json.encode(running))
        yield
        os.truncate(handle, 0)
    finally:
        os.close(handle)


def running(folder: Path) -> list[Running]:
    """Return all that run, by port."""
    found = [alive for path in folder.glob("*.json") if (alive := _alive(path)) is not None]
    return sorted(found, key=lambda one: one.port)


def _alive(path: Path) -> Running | None:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # its owner lives
            try:
                return msgspec.json.decode(file.read(), type=Running)
            except msgspec.DecodeError:
                return None  # starts just now
        return None
