"""Calls that are cancelled at one of the points where they wait, chosen by a seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Generator
from typing import Any, Final, Generic, TypeVar

from redis.asyncio import Redis

from rq_agent.broker.errors import BrokerUnavailable

T = TypeVar("T")

_STEPS: Final = (0, 1, 1, 1, 2, 2, 3, 4, 6, 8, 10, 12)
"""A command waits once or twice; where it makes its connection first, some ten times."""


class Interruption(BrokerUnavailable):
    """The call was cancelled; its caller goes on as if Redis had not answered."""


class Interrupted(Generic[T]):
    """Awaits a call, and cancels it when it waits for the n-th time."""

    def __init__(self, call: Coroutine[Any, Any, T], *, at: int) -> None:
        self._call = call
        self._at = at

    def __await__(self) -> Generator[Any, Any, T]:
        """Return what the call does, if it ends before.

        Raises:
            Interruption: it was cancelled.
        """
        steps = self._call.__await__()
        sent: Any = None
        for n in range(1_000_000):
            try:
                waits_for = (
                    steps.throw(asyncio.CancelledError()) if n == self._at else _next(steps, sent)
                )
            except StopIteration as end:
                result: T = end.value
                return result
            except asyncio.CancelledError as e:
                if n < self._at:
                    raise  # not by us: the test ends
                raise Interruption(f"cancelled at {self._at}") from e
            try:
                sent = yield waits_for
            except BaseException:
                self._call.close()
                raise
        raise AssertionError("it never ends")


def _next(steps: Generator[Any, Any, T], sent: Any) -> Any:
    return steps.send(sent)


class Interrupter:
    """Cancels a share of all commands of a client, and of its pipelines."""

    def __init__(self, redis: Redis, rng: random.Random, *, share: float) -> None:
        self._rng = rng
        self._share = share
        self.count = 0
        """Cancelled so far."""
        self.is_on = True
        redis.execute_command = self._around(redis.execute_command)  # type: ignore[method-assign, assignment]
        make = redis.pipeline

        def pipeline(*arguments: Any, **named: Any) -> Any:
            made = make(*arguments, **named)
            made.execute = self._around(made.execute)  # type: ignore[method-assign, assignment]
            return made

        redis.pipeline = pipeline  # type: ignore[method-assign]

    def _around(
        self, original: Callable[..., Coroutine[Any, Any, Any]]
    ) -> Callable[..., Awaitable[Any]]:
        async def call(*arguments: Any, **named: Any) -> Any:
            if not self.is_on or self._rng.random() >= self._share:
                return await original(*arguments, **named)
            try:
                at = self._rng.choice(_STEPS)
                return await Interrupted(original(*arguments, **named), at=at)
            except Interruption:
                self.count += 1
                raise

        return call
