"""Throw-away servers: the program of the embedded default, on a private socket."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from rq_agent.broker.embedded import binary, probe
from rq_agent.broker.embedded.endpoint import Endpoint

_START_S: Final = 20.0

PERSISTENCE: Final = {
    "no AOF": ("--appendonly", "no"),
    "AOF everysec": ("--appendonly", "yes", "--appendfsync", "everysec"),
}
"""The embedded default appends to a file and syncs it every second."""


@contextmanager
def running_server(
    persistence: str = "AOF everysec", *, program: Path | None = None, extra: Sequence[str] = ()
) -> Iterator[str]:
    """Run a server and yield the URL of its socket; its files are gone afterwards.

    Args:
        persistence: a key of PERSISTENCE.
        program: instead of the embedded default's.
        extra: further options, e.g. a port.
    """
    # A short path: a socket's has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="rqb"))
    socket = folder / "s"
    options = ("--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder))
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(
            [str(program or binary.find().path), *options, *PERSISTENCE[persistence], *extra],
            stdout=log,
            stderr=log,
        )
    try:
        _wait(process, socket)
        yield f"unix://{socket}"
    finally:
        process.kill()  # nothing on its disk is needed
        process.wait()
        shutil.rmtree(folder)


def _wait(process: subprocess.Popen[bytes], socket: Path) -> None:
    deadline_s = time.monotonic() + _START_S
    while probe.ask(Endpoint(socket)) is not probe.Answer.READY:
        if process.poll() is not None or time.monotonic() > deadline_s:
            said = (socket.parent / "log").read_text("utf-8", "replace")
            raise RuntimeError(f"the server did not start:\n{said[-2000:]}")
        time.sleep(0.02)
