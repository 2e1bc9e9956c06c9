"""Waits for a Redis that went away, instead of giving up."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import anyio

from ..broker.errors import AccessDenied, BrokerUnavailable, RqAgentError
from .render.times import length

if TYPE_CHECKING:
    from .render.screen import Screen

_Result = TypeVar("_Result")

RETRY_S: Final = 1.0
_SLOW_S: Final = 2.0
"""A server that hangs, or a network that swallows what is sent, is told of so soon."""
_FIRST_GAP_S: Final = 30.0
_LONGEST_GAP_S: Final = 600.0
_MOST_WORDS: Final = 5
"""So many different errors are told at once; others at their time."""
_JUST_BACK_S: Final = 30.0
"""So soon workers have made anew what a Redis came back without."""


class Teller(Protocol):
    """Who is told that Redis is away."""

    def away(self, words: str) -> None:
        """Redis does not answer: once at first, then now and then."""

    def back(self, words: str) -> None:
        """Redis answers again."""


class Patience:
    """Repeats steps that only read until Redis answers."""

    def __init__(
        self, teller: Teller, *, revive: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Args.

        teller: is told when Redis goes away, now and then how long, and when it is back.
        revive: called while Redis is away, e.g. to start the embedded server again.
        """
        self._teller = teller
        self._revive = revive
        self._since_s: float | None = None
        self._back_at_s: float | None = None
        self._told_at_s = 0.0
        self._gap_s = _FIRST_GAP_S
        self._told: set[str] = set()
        self.times_away = 0
        """How often Redis has gone away."""

    @property
    def is_just_back(self) -> bool:
        """Whether Redis came back a moment ago, maybe without what workers will tell it again."""
        return self._back_at_s is not None and time.monotonic() - self._back_at_s < _JUST_BACK_S

    async def __call__(
        self, step: Callable[[], Awaitable[_Result]], *, block_s: float = 0.0
    ) -> _Result:
        """Return what step returns, however long Redis is away.

        Args:
            step: only reads.
            block_s: so long it may wait for something to happen.

        Raises:
            AccessDenied: waiting does not help.
        """
        while True:
            slow = asyncio.get_running_loop().call_later(block_s + _SLOW_S, self._note_silence)
            try:
                result = await step()
            except AccessDenied:
                raise
            except BrokerUnavailable as e:
                self._note(str(e))
                slow.cancel()
                await anyio.sleep(RETRY_S)
                if self._revive is not None:
                    await self._revive()
                continue
            except RqAgentError:
                self._note_answer()
                raise
            finally:
                slow.cancel()
            self._note_answer()
            return result

    def _note_silence(self) -> None:
        self._note(f"redis has not answered for {_SLOW_S:.0f} s")

    def _note(self, problem: str) -> None:
        now_s = time.monotonic()
        if self._since_s is None:
            self._since_s, self._gap_s = now_s, _FIRST_GAP_S
            self._told.clear()
            self.times_away += 1
        elif now_s >= self._told_at_s + self._gap_s:
            self._gap_s = min(2 * self._gap_s, _LONGEST_GAP_S)
        elif problem in self._told or len(self._told) >= _MOST_WORDS:
            return
        self._told.add(problem)
        self._told_at_s = now_s
        away_s = now_s - self._since_s
        for_s = f" (away for {length(away_s)})" if away_s >= 1 else ""
        self._teller.away(f"{problem}; waiting for Redis{for_s}")

    def _note_answer(self) -> None:
        if self._since_s is None:
            return
        self._back_at_s = time.monotonic()
        away_s, self._since_s = self._back_at_s - self._since_s, None
        self._teller.back(f"Redis is back after {length(away_s)}")


class Aloud:
    """Tells people that Redis is away, on stderr."""

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen

    def away(self, words: str) -> None:
        """Say that we wait."""
        self._screen.say(words)

    def back(self, words: str) -> None:
        """Say that we go on."""
        self._screen.say(words)
