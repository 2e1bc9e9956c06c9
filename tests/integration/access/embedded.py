"""The embedded server of a test."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from rq_agent.broker.embedded import wait
from rq_agent.broker.embedded.layout import Layout


@contextmanager
def data_folder(folder: Path) -> Iterator[Path]:
    """Yield a data folder; its server, if one runs at the end, is killed."""
    yield folder
    if (pid := pid_of(folder)) and psutil.pid_exists(pid):
        os.kill(pid, signal.SIGKILL)
        wait.until_ended(Layout(folder), timeout_s=10)


def pid_of(data: Path) -> int:
    """The pid that the server wrote; 0 if it wrote none or removed it."""
    path = Layout(data).pid
    return int(path.read_text()) if path.exists() else 0


def kill(data: Path) -> None:
    os.kill(pid_of(data), signal.SIGKILL)
    assert wait.until_ended(Layout(data), timeout_s=10)
