"""Reads the worker's inbox: the one blocking connection of the process."""

import logging
from collections.abc import Callable

import anyio
import anyio.lowlevel

from ..broker.beats import grace_ms
from ..broker.errors import BrokerUnavailable
from ..broker.keys import TaskId
from ..broker.presence import KEYRING, Inbox, Message
from .endings import StopCause
from .held import HeldTasks
from .patience import unwrapped
from .signals import Signals

log = logging.getLogger(__name__)

BLOCK_MS = 10_000
_RETRY_S = 1.0


async def read_inbox(
    inbox: Inbox, tasks: HeldTasks, signals: Signals, hint: Callable[[], None]
) -> None:
    """Act on every message, forever. A beat tells the same later if one is missed.

    `hint` is called when there may be a new keyring.

    Anybody who may submit can write here: a message only makes the worker look for itself, or
    ends a task that its sender could cancel as well.
    """
    with unwrapped():
        async with anyio.create_task_group() as group:
            reading = _Reading(inbox)
            group.start_soon(reading.give_up_at_restarts, signals)
            await _read(reading, inbox, tasks, signals, hint)


async def _read(
    reading: "_Reading",
    inbox: Inbox,
    tasks: HeldTasks,
    signals: Signals,
    hint: Callable[[], None],
) -> None:
    restarts = signals.restarts
    while True:
        try:
            if signals.restarts != restarts:
                restarts = signals.restarts
                await inbox.realign()
                signals.notify()
            messages = await reading.next()
        except BrokerUnavailable as e:
            signals.outage.missed(e)
            restarts = -1
            await anyio.sleep(_RETRY_S)
            signals.notify()  # a wake-up may have been missed
            continue
        for message in messages:
            if message == {"c": KEYRING}:
                hint()
            else:
                _act(message, tasks, signals)
        # Who was woken claims first: to ask for the next message takes as long.
        await anyio.lowlevel.checkpoint()


class _Reading:
    """The read that is under way. A task group for each would cost as much as a claim."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._scope: anyio.CancelScope | None = None

    async def next(self) -> list[Message]:
        """Return the next messages; none where it was given up."""
        messages: list[Message] = []
        with anyio.CancelScope() as self._scope:
            messages = await self._inbox.next(BLOCK_MS)
        return messages

    async def give_up_at_restarts(self, signals: Signals) -> None:
        """Give up what is read then: its connection may lead to a server that the others left."""
        while True:
            await signals.restarted.wait()
            if self._scope is not None:
                self._scope.cancel()
                self._inbox.give_up()


def _act(message: dict[str, str], tasks: HeldTasks, signals: Signals) -> None:
    match message:
        case {"c": "wake" | "shapes"}:
            signals.notify()
        case {"c": "cancel", "id": task_id}:
            asked_ms = grace_ms(message.get("g", ""))
            tasks.stop(
                TaskId(task_id),
                StopCause.CANCELLED,
                grace_s=None if asked_ms is None else asked_ms / 1000,
            )
        case {"c": "look"}:  # what it is told lies where only operators can write
            signals.look()
        case _:
            log.warning("inbox: message %s is not known to this version", message.get("c", "?"))
