"""Waits for a Redis that went away, instead of giving up."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import anyio

from ..broker.errors import AccessDenied, BrokerUnavailable

if TYPE_CHECKING:
    from .render.screen import Screen

_Result = TypeVar("_Result")

RETRY_S: Final = 1.0


class Teller(Protocol):
    """Who is told that Redis is away."""

    def away(self, error: BrokerUnavailable) -> None:
        """Redis does not answer; called once for each time that it goes away."""

    def back(self) -> None:
        """Redis answers again."""


class Patience:
    """Repeats steps that only read until Redis answers."""

    def __init__(
        self, teller: Teller, *, revive: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        """Args.

        teller: is told once when Redis goes away, and once when it is back.
        revive: called while Redis is away, e.g. to start the embedded server again.
        """
        self._teller = teller
        self._revive = revive
        self._is_away = False
        self.times_away = 0
        """How often Redis has gone away."""

    async def __call__(self, step: Callable[[], Awaitable[_Result]]) -> _Result:
        """Return what step returns, however long Redis is away.

        Raises:
            AccessDenied: waiting does not help.
        """
        while True:
            try:
                result = await step()
            except AccessDenied:
                raise
            except BrokerUnavailable as e:
                if not self._is_away:
                    self._teller.away(e)
                    self.times_away += 1
                self._is_away = True
                await anyio.sleep(RETRY_S)
                if self._revive is not None:
                    await self._revive()
                continue
            if self._is_away:
                self._is_away = False
                self._teller.back()
            return result


class Aloud:
    """Tells people that Redis is away, on stderr."""

    def __init__(self, screen: "Screen") -> None:
        self._screen = screen

    def away(self, error: BrokerUnavailable) -> None:
        """Say that we wait."""
        self._screen.say(f"{error}; waiting for Redis")

    def back(self) -> None:
        """Say that we go on."""
        self._screen.say("Redis is back")
