"""How a host is doing, as far as its pulse tells. Pure."""

from typing import Final

from .messages import Pulse

_EXTRA_S: Final = 3.0
"""A host without a sign of life for so much longer than its loop may stand still is stuck."""
_FULL_SHARE: Final = 0.75
_MIB: Final = 1024**2


class Vitals:
    """Of one host.

    Args:
        lag_s: how long its loop may stand still.
        mem_mib: its memory limit; 0: none.
        look_s: how often it is looked at.
    """

    def __init__(self, lag_s: float, mem_mib: float, look_s: float) -> None:
        self._most_looks = (lag_s + _EXTRA_S) / look_s
        self._mem_mib = mem_mib
        self._look_s = look_s
        self._looks = 0
        self.rss_mib = 0.0
        self.lag_ms = 0.0

    def pulse(self, report: Pulse) -> None:
        """It lives."""
        self._looks = 0
        self.rss_mib = report.rss_bytes / _MIB
        self.lag_ms = report.lag_ms

    def rest(self) -> None:
        """Nothing runs in it, so it need not show that it lives."""
        self._looks = 0

    def is_stuck(self) -> bool:
        """Return whether a host with calls shows no sign of life; asked at each look.

        Looks are counted, not seconds: a worker that itself stood still has not looked meanwhile.
        """
        self._looks += 1
        return self._looks > self._most_looks

    @property
    def still_s(self) -> float:
        """How long it has shown no sign of life."""
        return self._looks * self._look_s

    @property
    def is_full(self) -> bool:
        """Whether it uses so much of its memory that it takes no more calls."""
        return self._mem_mib > 0 and self.rss_mib > _FULL_SHARE * self._mem_mib
