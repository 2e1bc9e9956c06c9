"""Where the server was when it was started last: read from files, nobody is asked."""

from pathlib import Path

import msgspec

from .endpoint import endpoint_of
from .layout import Layout, Running


def last_url(data: Path) -> str:
    """Return the URL of a server that may still run; empty if none was started here.

    Raises:
        BrokerRefused: its password can't be read.
    """
    layout = Layout(data.absolute())
    try:
        running = msgspec.json.decode(layout.running.read_bytes(), type=Running)
    except (OSError, msgspec.MsgspecError):
        return ""
    return endpoint_of(layout, running).url
