"""Where commands that run for long tell what happens: stderr, a line each."""

import logging
import sys


def log_to_stderr(*, verbose: bool) -> None:
    """Send the log of this process to stderr."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
        force=True,
    )
