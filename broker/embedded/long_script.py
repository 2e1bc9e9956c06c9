"""Ends scripts that run too long: while one runs, the server answers nobody else.

Whoever may log in may run scripts of his own, also a viewer. Ours are bounded; the server says
that it is busy only after seconds, and ends nothing before that.
"""

from pathlib import Path

from ..errors import BrokerUnavailable
from . import probe
from .endpoint import endpoint_of
from .layout import Layout
from .start import read_running


def end(data: Path) -> str:
    """End the script that keeps a server busy; return what to tell, empty if there is none.

    What has written already can't be ended: half of it would stay.
    """
    layout = Layout(data.absolute())
    running = read_running(layout)
    if running is None:
        return ""
    try:
        refusal = probe.end_script(endpoint_of(layout, running))
    except BrokerUnavailable:  # who starts the server tells that
        return ""
    if refusal is None:
        return ""
    if not refusal:
        return "a script ran for seconds, in which nobody else was answered; it was ended"
    pid = layout.pid.read_text("ascii").strip() if layout.pid.exists() else "?"
    return (
        f"the embedded server is held up by a script that does not end ({refusal}): "
        f"`kill -9 {pid}` ends both, and loses only what that script did"
    )
