"""Until when a host may live unless that is renewed: told to its shim when it moves."""

import logging
from pathlib import Path

from ..process import deadline

log = logging.getLogger(__name__)


class Renewed:
    """The deadline of the host of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._until_s = 0.0

    def until(self, at_s: float) -> None:
        """Let it live until then, on boot_clock; it is killed then, also without us."""
        if at_s == self._until_s:
            return
        try:
            deadline.write(str(self._folder), at_s)
        except OSError as e:
            log.warning("%s: its deadline stays: %s", self._folder, e)
        else:
            self._until_s = at_s
