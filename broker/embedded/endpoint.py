"""Where the server is and how to log in to it."""

from pathlib import Path

import msgspec

from .. import private_files, urls
from ..errors import BrokerRefused
from .layout import Layout, Running


class Endpoint(msgspec.Struct, frozen=True):
    """A socket and a login. Shows no password."""

    socket: Path
    user: str = ""
    """Empty: a server that an older version started, which asks nobody."""
    password: str = ""

    @property
    def url(self) -> str:
        """Return the URL, which holds the password."""
        return urls.of_socket(self.socket, user=self.user, password=self.password)

    def __repr__(self) -> str:
        return f"Endpoint({urls.redacted(self.url)})"


def endpoint_of(layout: Layout, running: Running) -> Endpoint:
    """Return how to reach what was started last.

    Raises:
        BrokerRefused: the password can't be read.
    """
    if not running.user:
        return Endpoint(Path(running.socket))
    try:
        password = private_files.read(layout.password).decode("ascii", "replace").strip()
    except OSError as e:
        problem = str(e) if isinstance(e, private_files.OpenToOthersError) else e.strerror
        raise BrokerRefused(
            f"the password of the embedded server, {layout.password}: {problem}{_remedy(layout, e)}"
        ) from e
    return Endpoint(Path(running.socket), running.user, password)


def _remedy(layout: Layout, error: OSError) -> str:
    if not isinstance(error, FileNotFoundError):
        return ""
    return f"; it gets a new one when it starts: {how_to_end(layout)}, then try again"


def how_to_end(layout: Layout) -> str:
    """Return what to do about a server that can't be asked to end."""
    try:
        pid = layout.pid.read_text("ascii").strip()
    except FileNotFoundError:
        pid = "?"
    return f"`kill {pid}` ends it without loss"
