"""Puts calls on their queues: one at once where nothing is under way, else many together."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import anyio

from ..broker import retention
from ..broker.envelope import LARGE_GROUP, sign_bodies
from ..broker.errors import BrokerRefused, BrokerUnavailable, ServerReadOnly
from ..broker.new_task import Enqueued
from ..broker.scripts import Argument, Script
from ..broker.tasks import answer
from .calls import Call, Calls

BATCH: Final = 3 * LARGE_GROUP
"""Calls in one script: at most 200, and no group of signatures is cut."""
_PATIENCE_S: Final = (0.0, 0.05, 0.2, 0.5, 1.0, 2.0)
"""Waits before a call is sent again that a broken connection may have swallowed."""

Spawn = Callable[..., Any]


class _Waiting:
    """A call that somebody waits for."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.is_wanted = True
        self.told = anyio.Event()
        self.answer: Enqueued | Exception | None = None


class Sender:
    """Sends what tasks of one event loop submit at the same time in one script.

    A call whose caller is cancelled before it was sent is not sent; one that was sent counts.
    """

    def __init__(self, script: Script, spawn: Spawn) -> None:
        """Args.

        script: enqueue, on a lane.
        spawn: runs a coroutine function in the background.
        """
        self._script = script
        self._spawn = spawn
        self._is_busy = False
        self._waiting: deque[_Waiting] = deque()

    async def send(self, call: Call) -> Enqueued:
        """Add one task. Safe against broken connections: it is added once.

        Raises:
            BrokerUnavailable: Redis is away for longer than some seconds.
        """
        if self._is_busy:
            return await self._with_others(call)
        self._is_busy = True
        try:
            return (await send_batch(self._script, [call]))[0]
        finally:
            self._is_busy = False
            if self._waiting:
                self._begin_to_send()

    def _begin_to_send(self) -> None:
        self._is_busy = True
        try:
            self._spawn(self._send_waiting)
        except RuntimeError:  # the client was closed meanwhile
            self._give_up()

    async def _with_others(self, call: Call) -> Enqueued:
        mine = _Waiting(call)
        self._waiting.append(mine)
        try:
            await mine.told.wait()
        finally:
            mine.is_wanted = False
        assert mine.answer is not None
        if isinstance(mine.answer, Exception):
            raise mine.answer
        return mine.answer

    async def _send_waiting(self) -> None:
        """Send what waits, and what comes to wait meanwhile."""
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                await self._send_some([one for one in batch if one.is_wanted])
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Send nothing more for now; who waits still is told."""
        self._is_busy = False
        while self._waiting:
            _tell([self._waiting.popleft()], [_closed()])

    async def _send_some(self, batch: Sequence[_Waiting]) -> None:
        if not batch:
            return
        answers: Sequence[Enqueued | Exception] = [_closed()] * len(batch)
        try:
            answers = await send_batch(self._script, [one.call for one in batch])
        except Exception as e:  # noqa: BLE001  whoever waits is told, whatever it is
            answers = [e] * len(batch)
        finally:
            _tell(batch, answers)


def _closed() -> Exception:
    return BrokerUnavailable("the client was closed")


def _tell(batch: Sequence[_Waiting], answers: Sequence[Enqueued | Exception]) -> None:
    for one, each in zip(batch, answers, strict=True):
        one.answer = each
        one.told.set()


async def send_batch(script: Script, calls: Sequence[Call]) -> list[Enqueued]:
    """Add 1 to 200 tasks, all of them or none; again if the connection breaks: ids tell them."""
    arguments = batch_arguments(calls)
    return answers_of(calls, await patiently(lambda: script(arguments)))


async def patiently(step: Callable[[], Awaitable[Any]]) -> Any:
    """Return what a step returns that may be repeated; wait some seconds for Redis."""
    for wait_s in _PATIENCE_S:
        try:
            return await step()
        except BrokerUnavailable as e:
            # A replica may be one that was the primary a moment ago: look for that again.
            if isinstance(e, BrokerRefused) and not isinstance(e, ServerReadOnly):
                raise
            await anyio.sleep(wait_s)
    return await step()


def answers_of(calls: Sequence[Call], reply: Sequence[bytes]) -> list[Enqueued]:
    """Return what enqueue.lua said of each."""
    return [answer(call.task_id, told) for call, told in zip(calls, reply, strict=True)]


def batch_arguments(calls: Sequence[Call]) -> list[Argument]:
    """Sign calls, and return the arguments of enqueue.lua."""
    bodies = [(call.task_id, call.place, call.body) for call in calls]
    envelopes = sign_bodies(bodies, calls[0].calls.pair, group=LARGE_GROUP)
    kinds: dict[Calls, int] = {}
    of_tasks: list[Argument] = []
    for call, envelope in zip(calls, envelopes, strict=True):
        kind = kinds.setdefault(call.calls, len(kinds) + 1)
        of_tasks += (kind, call.task_id, envelope, b"")
    uploads = {one.digest: one.upload for one in kinds if not one.is_known}
    arguments: list[Argument] = [len(uploads), len(kinds), len(calls), retention.RECORD_MS]
    for digest, upload in uploads.items():
        arguments += [digest, upload.encoded, len(upload.blobs), *upload.blobs]
    for one in kinds:
        arguments += one.kind
    return arguments + of_tasks
