"""Where commands that run for long tell what happens: stderr, a line each."""

import logging
import sys

from .render.screen import printable


class _Lines(logging.Formatter):
    """A line for each message: what others wrote is in some, and must not look like another."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """Return the text without control characters; further lines of it are indented."""
        return "\n    ".join(map(printable, super().formatMessage(record).split("\n")))


def log_to_stderr(*, verbose: bool) -> None:
    """Send the log of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines("%(asctime)s %(message)s", "%H:%M:%S"))
    level = logging.DEBUG if verbose else logging.INFO
    logging.basicConfig(level=level, handlers=[handler], force=True)
