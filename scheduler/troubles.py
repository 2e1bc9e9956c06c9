"""Tells of a trouble when it begins, when it changes, and when it is over; not every second."""

import logging


class Troubles:
    """What one loop has trouble with."""

    def __init__(self, log: logging.Logger, name: str) -> None:
        """`name`: of the loop, as people read it."""
        self._log = log
        self._name = name
        self._last = ""

    def met(self, problem: Exception) -> None:
        """A step failed."""
        if str(problem) != self._last:
            self._last = str(problem)
            self._log.warning("%s: %s; it goes on when that is over", self._name, problem)

    def over(self) -> None:
        """A step succeeded."""
        if self._last:
            self._last = ""
            self._log.info("%s: goes on", self._name)
