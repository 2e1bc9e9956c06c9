"""Makes the end of a child something that a selector sees."""

from __future__ import annotations

import os
import signal


class Sigchld:
    """A pipe that can be read when a child has ended."""

    def __init__(self) -> None:
        self.fd, write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(write, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self.has_come = False

    def read(self, _: int) -> None:
        """Note that it came."""
        self.has_come = True
        try:
            os.read(self.fd, 4096)
        except BlockingIOError:
            return
