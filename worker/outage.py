"""Says when Redis goes away, now and then that it still is, and when it is back.

Many loops notice; a person wants one line. While Redis is away the lines come at growing distance.
"""

import logging
import time
from collections.abc import Callable
from typing import Final

import msgspec

from ..broker.errors import BrokerUnavailable

log = logging.getLogger(__name__)

_FIRST_GAP_S: Final = 5.0
_LONGEST_GAP_S: Final = 60.0
_MOST_WORDS: Final = 5
"""So many different errors of one outage are said at once."""
_CALM_S: Final = 60.0
"""Away again so soon after it came back: the gap goes on growing, should it do so all the time."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be told to Redis when it is back."""

    running: int = 0
    """Tasks that run on."""
    ends: int = 0
    output_bytes: int = 0


class Outage:
    """One per worker. Loops tell it what they meet."""

    def __init__(
        self,
        *,
        say: Callable[[str], None] = log.warning,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """Args.

        say: gets each line.
        now_s: a clock in seconds.
        """
        self.waiting: Callable[[], Waiting] = Waiting
        """Returns what waits now."""
        self._say = say
        self.now_s = now_s
        self.answered_at_s = now_s()
        """When Redis did so last."""
        self._since_s: float | None = None
        self._said_at_s = 0.0
        self._back_at_s: float | None = None
        self._gap_s = 0.0
        self._words: set[str] = set()
        self._is_announced = False

    @property
    def is_away(self) -> bool:
        """Whether Redis did not answer, or refused, when it was asked last."""
        return self._since_s is not None

    def missed(self, error: BrokerUnavailable) -> None:
        """Redis did not answer, or refused; say so unless that was said a moment ago."""
        now_s = self.now_s()
        if self._since_s is None:
            self._begin(now_s)
        is_new = str(error) not in self._words and 0 < len(self._words) < _MOST_WORDS
        if now_s < self._said_at_s + self._gap_s and not is_new:
            return
        if not self._is_announced:
            self._say(f"{error}; running tasks go on, what they print and how they end is kept")
        else:
            away = _length(now_s - (self._since_s or now_s))
            self._say(f"{error}; away for {away}; {_words(self.waiting())}")
        self._words.add(str(error))
        self._is_announced = True
        self._said_at_s = now_s
        self._gap_s = min(_LONGEST_GAP_S, max(_FIRST_GAP_S, 2 * self._gap_s))

    def answered(self) -> None:
        """Redis did what it was asked for; say so if it was said that it is away."""
        now_s = self.answered_at_s = self.now_s()
        if self._since_s is None:
            return
        if self._is_announced:
            away = _length(now_s - self._since_s)
            self._say(f"redis is back after {away}; {_words(self.waiting())}")
        self._since_s, self._back_at_s, self._is_announced = None, now_s, False

    def _begin(self, now_s: float) -> None:
        self._since_s = now_s
        self._words.clear()
        if self._back_at_s is None or now_s - self._back_at_s > _CALM_S:
            self._gap_s = 0.0


def _words(waiting: Waiting) -> str:
    tasks = _count(waiting.running, "task runs", "tasks run")
    ends = _count(waiting.ends, "end", "ends")
    return f"{tasks} on, {ends} and {_size(waiting.output_bytes)} of output wait"


def _count(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _size(size_bytes: int) -> str:
    if size_bytes < 10_000:
        return f"{size_bytes} bytes"
    return f"{size_bytes / 1024:.0f} KiB" if size_bytes < 2**20 else f"{size_bytes / 2**20:.1f} MiB"


def _length(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
