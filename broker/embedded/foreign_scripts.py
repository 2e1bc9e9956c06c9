"""Keeps scripts of others from stopping the server, and from filling it.

Whoever may log in may load and run scripts of his own, also a viewer. While one runs, the server
answers nobody else; it says that it is busy only after seconds, and ends nothing before that. And
what was loaded stays. Ours are bounded, and small.
"""

from pathlib import Path
from typing import Final

from ..errors import BrokerUnavailable
from . import probe
from .endpoint import endpoint_of
from .layout import Layout
from .start import read_running

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of all scripts that are loaded; ours are below 2 MiB. Whoever misses one loads it again."""


def curb(data: Path) -> str:
    """End the script that keeps a server busy, forget all when there are too many.

    What has written already can't be ended: half of it would stay.

    Returns:
        What to tell; empty if all is well, and where no server answers: who starts it tells that.
    """
    layout = Layout(data.absolute())
    running = read_running(layout)
    if running is None:
        return ""
    try:
        refusal, forgotten_bytes = probe.curb_scripts(
            endpoint_of(layout, running), most_bytes=MOST_BYTES
        )
    except BrokerUnavailable:
        return ""
    if forgotten_bytes:
        return f"somebody had loaded {forgotten_bytes >> 20} MiB of scripts; they are forgotten"
    if refusal is None:
        return ""
    if not refusal:
        return "a script ran for seconds, in which nobody else was answered; it was ended"
    pid = layout.pid.read_text("ascii").strip() if layout.pid.exists() else "?"
    return (
        f"the embedded server is held up by a script that does not end ({refusal}): "
        f"`kill -9 {pid}` ends both, and loses only what that script did"
    )
