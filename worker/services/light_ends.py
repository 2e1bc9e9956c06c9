"""From the end of a light task to what Redis is told of it, many at once."""

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from random import random
from typing import Final

import anyio.abc
import msgspec

from ...broker.claims import Finish, FinishCode, Outcome
from .. import endings
from ..capacity import Capacity
from ..endings import NOT_RENEWED, REASON_CHARACTERS, Ending, StopCause
from ..facts import Facts
from ..finisher import Finisher, Told
from ..held import Held, HeldTasks
from ..recreation import Recreations
from ..retrying import finish_of
from .calls import SYSTEM_STREAM, Ended, Said
from .light import Light
from .outputs import Outputs

log = logging.getLogger(__name__)

_NULL: Final = b"null"
_NOT_ACCEPTED: Final = (FinishCode.FENCED, FinishCode.GONE)


class Remade(msgspec.Struct, frozen=True, kw_only=True):
    """A light task whose record is to be made anew; see recreation.Attempted."""

    held: Held
    folder: Path
    words: Callable[[str], None]

    def say(self, line: str) -> None:
        """Put a line into the task's log."""
        self.words(line)

    def tell_again(self) -> None:
        """Nothing of a light task is kept that Redis could be told again."""


class LightEnds:
    """One per worker."""

    def __init__(
        self,
        lights: dict[str, Light],
        tasks: HeldTasks,
        capacity: Capacity,
        finisher: Finisher,
        outputs: Outputs,
        recreations: Recreations,
        facts: Facts,
        group: anyio.abc.TaskGroup,
        *,
        folder: Path,
        settled: Callable[[Sequence[str]], None],
    ) -> None:
        """Args, where they don't say it by their names.

        lights: all that are held, by key; those that end are taken out.
        group: runs what has to wait for Redis.
        settled: called with the keys of calls whose ends are safe in Redis, or count no more.
        """
        self._lights = lights
        self._tasks = tasks
        self._capacity = capacity
        self._finisher = finisher
        self._outputs = outputs
        self._recreations = recreations
        self._facts = facts
        self._group = group
        self._folder = folder
        self._settled = settled

    def of_calls(self, ends: Iterable[tuple[Light, Ended]]) -> None:
        """Tell how calls ended."""
        finishes = []
        dropped = []
        for light, end in ends:
            held = light.held
            held.is_watched = False
            self._capacity.give_back(held.key)
            if held.cause is StopCause.LOST:
                dropped.append(light)
                continue
            finish = _finish_of(light, end)
            if self._outputs.is_shipped(light.key):
                finishes.append(finish)
            else:
                self._outputs.when_shipped(light.key, partial(self._hand_in, [finish]))
        self._hand_in(finishes)
        self._drop(dropped)

    def of_stopped(self, tasks: Sequence[Light]) -> None:
        """Tell of tasks that were stopped before they were called."""
        for light in tasks:
            held = light.held
            ending = endings.of_stop(held.cause or StopCause.RELEASED, held.reason)
            if ending is None:
                self._capacity.give_back(held.key)
                self._drop([light])
            else:
                self._tell(light, ending)

    def of_refused(self, light: Light, reason: str) -> None:
        """Tell of a task that must not be run, in its log as well."""
        if light.held.cause is not None:
            self.of_stopped([light])
            return
        ending = endings.errored(reason, may_retry=False)
        log.warning("task %s: %s", light.held.claim.task_id, ending.reason)
        self.say(light, f"rq-agent: {ending.reason}")
        self._tell(light, ending)

    def say(self, light: Light, line: str) -> None:
        """Put a line of ours into the log of a task."""
        data = line.encode("utf-8", "replace") + b"\n"
        said = Said(key=light.key, stream=SYSTEM_STREAM, offset=0, data=data)
        self._outputs.add([(light.token, said)], is_resumed=light.is_resumed)

    def make_anew(self, light: Light) -> bool:
        """Have the record made anew that Redis lost; return False if it must not be."""
        return self._recreations.want(self._remade(light))

    def _tell(self, light: Light, ending: Ending) -> None:
        end = Ended(
            key=light.key,
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            reason=ending.reason,
            may_retry=ending.may_retry,
        )
        self.of_calls([(light, end)])

    def _hand_in(self, finishes: Sequence[Finish]) -> None:
        if finishes:
            self._finisher.hand_in(finishes, self._told)

    def _told(self, told: Told) -> None:
        """Forget those that Redis has accepted, or never will."""
        ended = []
        for finish, code in told:
            light = self._lights.get(f"{finish.claim.task_id}.{finish.claim.fence}")
            if light is None:
                continue
            if code is FinishCode.GONE and light.held.known is not None:
                self._group.start_soon(self._make_anew_and_tell, light, finish)
                continue
            if code in _NOT_ACCEPTED:
                log.warning(
                    "task %s: another claim owns it; end not accepted", finish.claim.task_id
                )
            else:
                light.held.outcome = finish.outcome
            ended.append(light)
        self._facts.note_ends([light.held for light in ended])
        self._drop(ended)

    async def _make_anew_and_tell(self, light: Light, finish: Finish) -> None:
        """Redis came back without the task just when it had ended."""
        is_made = await self._recreations.make(self._remade(light))
        light.held.known = None  # once is enough
        if is_made:
            self._hand_in([finish])
        else:
            self._told([(finish, FinishCode.GONE)])

    def _remade(self, light: Light) -> Remade:
        return Remade(
            held=light.held,
            folder=self._folder / light.key,
            words=partial(self.say, light),
        )

    def _drop(self, tasks: Sequence[Light]) -> None:
        if not tasks:
            return
        for light in tasks:
            self._lights.pop(light.key, None)
            self._outputs.forget(light.key)
            light.held.make_anew = bool  # else they hold each other, and only a search frees them
        self._tasks.remove(*(light.held for light in tasks))
        self._settled([light.key for light in tasks])


def _finish_of(light: Light, end: Ended) -> Finish:
    """Return what to report of a call. A restart, or one more try, has no result."""
    if light.is_expired and end.outcome is Outcome.RELEASE:
        end = msgspec.structs.replace(end, outcome=Outcome.LOST, reason=NOT_RENEWED)
    reason = end.reason[:REASON_CHARACTERS]
    if not light.held.claim.retry or not end.may_retry:
        return Finish(
            claim=light.token,
            outcome=end.outcome,
            exit_code=end.exit_code,
            reason=reason,
            result=_kept(end.result),
            isolation=end.isolation,
        )
    ending = Ending(
        outcome=end.outcome, exit_code=end.exit_code, reason=reason, may_retry=end.may_retry
    )
    final = finish_of(light.held.claim, ending, random=random, lasted_ms=end.lasted_ms or None)
    result = b"" if final.outcome is Outcome.RETRY else _kept(end.result)
    return msgspec.structs.replace(final, claim=light.token, result=result, isolation=end.isolation)


def _kept(result: bytes) -> bytes:
    """Return what to keep of a result: of nothing, nothing. Who asks for none gets None."""
    return b"" if result == _NULL else result
