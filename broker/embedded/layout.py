"""The files of the embedded server, and the private folder of its socket."""

import hashlib
import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from ..errors import BrokerRefused

_LONGEST_SOCKET_PATH: Final = 100
"""Bytes. The kernel's limit is 108 on Linux and 104 on macOS, with an end mark."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """What was started last: tells where its socket is, not that it still runs."""

    socket: str
    binary_stamp: str
    user: str = ""
    """Who runs it logs in as; empty for what a version without users started."""


class Layout(msgspec.Struct, frozen=True):
    """Names of the files in the data folder."""

    folder: Path

    @property
    def lock(self) -> Path:
        """Held while somebody starts or stops the server."""
        return self.folder / "lock"

    @property
    def server_lock(self) -> Path:
        """Held by the server process as long as it lives, by an inherited descriptor.

        Looked at only by who holds `lock`, since looking takes it for a moment.
        """
        return self.folder / "server.lock"

    @property
    def config(self) -> Path:
        """What the server was started with."""
        return self.folder / "server.conf"

    @property
    def log(self) -> Path:
        """The server's own output."""
        return self.folder / "server.log"

    @property
    def pid(self) -> Path:
        """Written by the server; for messages to people only."""
        return self.folder / "server.pid"

    @property
    def running(self) -> Path:
        """A Running, as JSON."""
        return self.folder / "server.json"

    @property
    def users(self) -> Path:
        """Who may log in, as the server keeps it: hashes of passwords, never a password."""
        return self.folder / "users.acl"

    @property
    def password(self) -> Path:
        """The password of whoever runs the server; only the owner can read it."""
        return self.folder / "local.password"

    @property
    def version(self) -> Path:
        """ServerVersion of the server that wrote the files last, as JSON."""
        return self.folder / "version.json"


def make_private(folder: Path, *, may_be_link: bool) -> None:
    """Create a folder that only this user can enter, or make sure that it is one.

    Raises:
        BrokerRefused: somebody else owns it, or it is a link that somebody may have laid.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat() if may_be_link else folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise BrokerRefused(f"{folder} is not a folder: remove it")
    if found.st_uid != os.geteuid():
        raise BrokerRefused(
            f"{folder} belongs to the user with id {found.st_uid}: set RQ_AGENT_HOME to a folder "
            "of your own"
        )
    if found.st_mode & 0o077:
        folder.chmod(0o700)


def socket_place(data: Path, runtime: Path | None) -> Path:
    """Return a short path for the socket, in a folder that only this user can enter.

    The data folder itself if the path is short enough and its file system has sockets.
    (XDG_RUNTIME_DIR would go away with the user's last login, under a server that stays.)
    """
    own = data / "s"
    if runtime is None and _is_short(own) and _has_sockets(data):
        return own
    base = runtime or Path(tempfile.gettempdir()) / f"rq-agent-{os.geteuid()}"
    make_private(base, may_be_link=False)
    folder = base / hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    make_private(folder, may_be_link=False)
    if not _is_short(folder / "s"):
        raise BrokerRefused(f"{folder} is too long a path for a socket: set TMPDIR to a short one")
    return folder / "s"


def _is_short(path: Path) -> bool:
    return len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH


def _has_sockets(folder: Path) -> bool:
    trial = folder / f"s{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(str(trial))
        except OSError:
            return False
    trial.unlink()
    return True
