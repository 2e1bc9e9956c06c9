"""One host, from the start of its process to its end: gives it calls, and hears what it reports."""

import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from ... import __version__
from ..endings import StopCause
from ..executors.base import Executor
from ..process import identity
from ..process.handle import Handle
from . import blocked, messages
from .calls import Call, HostTools, HostView, Running
from .channel import Channel
from .given import GivenFile
from .hearing import Hearing
from .hearing_all import HearingAll
from .host_folder import HostFacts, last_words, shorten, started_at
from .in_host import NEWEST, CallsInHost
from .isolation import ALONE, NOBODY, Death, of_exit
from .messages import Refused, State
from .owner import Owner
from .renewed import Renewed
from .stuck import Stillness
from .targets import on_disk
from .telling import Telling
from .vitals import Vitals

log = logging.getLogger(__name__)

LOOK_S: Final = 1.0
"""How often each host is looked at, for what no doorbell tells."""
_BEGIN_S: Final = 60.0
"""How long a process may take until it takes calls."""
_ANSWER_S: Final = 3.0
"""How much longer than its loop may stand still it may take to tell what runs in it."""
_CLOSED_S: Final = 5.0
"""How long a process may go on whose connection broke."""
_END_S: Final = 10.0
"""How long one may take to end in which nothing runs."""


class Host:
    """A process that runs calls."""

    def __init__(
        self,
        facts: HostFacts,
        handle: Handle,
        tools: HostTools,
        owner: Owner,
        executor: Executor,
        *,
        is_found: bool = False,
    ) -> None:
        """`is_found`: an earlier session of the worker started it."""
        self.facts = facts
        self.folder = Path(handle.folder)
        self._tree = self.folder / "tree"
        least = ALONE if facts.alone else facts.isolation
        self.calls = CallsInHost(least_isolation=least, is_found=is_found)
        self.vitals = Vitals(tools.lag_s, tools.mem_mib, LOOK_S)
        self.telling = Telling(owner.listener, owner.ended, owner.unsettled, is_held_back=is_found)
        self.begun = anyio.Event()
        """It takes calls, or has told what runs in it, or has ended."""
        self.is_ready = False
        """It has taken calls, or would have."""
        self.found: list[Running] = []
        """What it ran when it was found again."""
        self.idle_since_s = time.monotonic()
        self.is_new = not is_found
        """It never had a call."""
        self.how_it_ended = ""
        self.renewed = Renewed(self.folder)
        """Until when it may live."""
        self._handle = handle
        self._tools = tools
        self._owner = owner
        self._executor = executor
        self._kill = partial(executor.stop, handle, grace_s=0)
        self._hearing = Hearing(self, self.calls, self.vitals, self.telling, lag_s=tools.lag_s)
        self._reports = HearingAll(
            self.folder, self._hearing, tell=self._tell, condemn=self.condemn
        )
        self._given = GivenFile(self.folder)
        self._stillness = Stillness(
            handle, self.calls, self.vitals, self.telling, condemn=self.condemn
        )
        self._channel: Channel | None = None
        self._group: TaskGroup | None = None
        self._verdict: Death | None = None
        self._is_there = False
        """It has said that it takes calls, maybe to an earlier session."""
        self._is_asked = False
        """What it says from now on is said to this session."""
        self._is_ending = False
        self._is_over = False
        self._pid, self._started_at = handle.pid, started_at(handle)

    @property
    def room(self) -> int:
        """How many calls it can take now."""
        if not self.is_ready or self._is_over or self._verdict or self.is_worn:
            return 0
        return max(0, self.facts.most - len(self.calls))

    @property
    def is_worn(self) -> bool:
        """Whether it takes no calls any more, though it lives."""
        return self._is_ending or self.vitals.is_full or self.facts.version != __version__

    @property
    def last_words(self) -> str:
        """The end of what it printed outside of any call."""
        return last_words(self.folder)

    def view(self) -> HostView:
        """Return it as a list shows it."""
        return HostView(
            number=self.facts.number,
            kind=self.facts.kind,
            pid=self._pid,
            tasks=len(self.calls),
            rss_mib=round(self.vitals.rss_mib, 1),
            lag_ms=round(self.vitals.lag_ms, 1),
            started_at=self._started_at,
            newest=self.calls.newest(NEWEST),
        )

    # What it is told.

    def run(self, calls: Sequence[Call]) -> None:
        """Give it calls, at most as many as it has room for."""
        self.is_new = False
        self.calls.give(calls, now_s=time.monotonic())
        self._given.add(calls)
        begins = (messages.begin(call, on_disk(call.target, self._tree)) for call in calls)
        for line in messages.starts(begins):
            self._send(line)

    def stop(
        self, key: str, cause: StopCause, *, grace_s: float | None = None, reason: str = ""
    ) -> None:
        """Ask a call to stop; one that does not in time costs the host its life."""
        now_s = time.monotonic()
        stop = self.calls.stop(key, cause, reason=reason, grace_s=grace_s, now_s=now_s)
        if stop is not None:
            left_s = max(0.0, stop.until_s - now_s)
            self._send(messages.cancel(key, left_s, stop.cause))

    def end(self) -> None:
        """Let it end, since nothing runs in it. It takes no more calls."""
        if not self._is_ending:
            self._is_ending = True
            self._send(messages.end())
            self._start_soon(self._end_at_last)

    def _send(self, line: bytes) -> None:
        if self._channel is not None:
            self._channel.send(line)

    # What becomes of it.

    async def serve(self) -> None:
        """Hear it until it has ended, and judge that. Cancelled, it goes on."""
        try:
            async with anyio.create_task_group() as group:
                self._group = group
                group.start_soon(self._listen, group)
                if self._verdict:  # so soon
                    group.start_soon(self._kill)
                elif self._is_ending:
                    group.start_soon(self._end_at_last)
                exited = await self._executor.wait(self._handle)
                group.cancel_scope.cancel()
            self._group, self._is_over = None, True
            await self._reports.take_all()
            if self.calls.is_replaying:
                self.calls.inherit(self._given.read(), now_s=time.monotonic())
            death = self._verdict or of_exit(exited, self._hearing.exits)
            if self._handle.boot_id != identity.boot_id():
                death = Death(reason="the machine was restarted", is_ours=True)
            self._bury(death)
        finally:
            self._group = None
            if self._channel is not None:
                self._channel.close()
            self._reports.close()
            self._given.close()
            self.begun.set()

    def look(self) -> None:
        """Look at it, once in LOOK_S: the doorbell may be lost, and silence rings none."""
        self._reports.take()
        if self._stillness.is_to_be_looked_into(is_ready=self.is_ready):
            self._start_soon(self._stillness.look_into)
        if late := self.calls.overdue(time.monotonic()):
            self._hearing.hear(Refused(late, "it did not end in time"), self._reports.segment)
            self._tell()
        safe = self.telling.settling.news(self._reports.segment)
        if (safe or self._given.is_long) and not self.calls.is_replaying:
            self._given.keep(self.calls.rows())
        if safe:
            self._send(messages.read(safe))
        shorten(self.folder)

    def condemn(self, death: Death) -> None:
        """Kill it. What it has reported before counts."""
        if self._verdict is None:
            level = logging.INFO if death.is_ours else logging.WARNING
            log.log(level, "host %d: %s; it is killed", self.facts.number, death.reason)
            self._verdict = death
            self._start_soon(self._kill)

    def is_there(self, pid: int) -> None:
        """It has said that it takes calls."""
        self._pid = pid
        self._is_there = True
        if self._channel is not None and not self.calls.is_replaying:
            self._open()

    def told_state(self, report: State) -> None:
        """It has said what runs in it."""
        if self.calls.is_replaying and self._is_asked:
            found = self.calls.state(report.going, now_s=time.monotonic(), unix_s=time.time())
            keys = [one.key for one in found]
            self.telling.void(keys)
            self._owner.placed(keys, self)
            self.found += found
            self._given.keep(self.calls.rows())
            self._open()

    def all_found(self) -> list[Running]:
        """Return what it ran when it was found again, and what had ended and was not told yet."""
        return [*self.found, *self.telling.ended_before(time.time())]

    def _open(self) -> None:
        self.is_ready = True
        self.begun.set()
        self._owner.changed(self)

    async def _listen(self, group: TaskGroup) -> None:
        """Hear it at its doorbell, as long as there is a connection."""
        channel = await Channel.connected(self.folder, group, patience_s=_BEGIN_S)
        if channel is None:
            return self.condemn(Death(reason=f"it did not listen for {_BEGIN_S:g} s"))
        if self.calls.is_replaying:
            await self._reports.take_all()  # an earlier session has asked, too, what runs
        self._is_asked = True
        channel.send(messages.hello(self._tools.lag_s))
        if self._is_ending:
            channel.send(messages.end())
        self._channel = channel
        if self._is_there and not self.calls.is_replaying:  # it was heard before that
            self._open()
        self._start_soon(self._expect)
        await self._reports.take_all()
        while await channel.rung():
            await self._reports.take_all()
        self._is_over = True
        await anyio.sleep(_CLOSED_S)  # it is about to end, as a rule
        self.condemn(Death(reason="its connection broke"))

    async def _expect(self) -> None:
        """Give up one that does not answer."""
        patience_s = self._tools.lag_s + _ANSWER_S if self.calls.is_replaying else _BEGIN_S
        with anyio.move_on_after(patience_s):
            return await self.begun.wait()
        self.condemn(Death(reason="it does not answer"))

    def _tell(self) -> None:
        if self.telling.flush():
            if not len(self.calls):
                self.idle_since_s = time.monotonic()
            self._owner.changed(self)

    def _bury(self, death: Death) -> None:
        """Tell the calls in it how it ended."""
        told = self._verdict.guilty if self._verdict else NOBODY
        words = self.last_words if self.facts.alone else ""
        self.how_it_ended = death.reason
        how = blocked.of_death(death.reason, len(self.calls) - 1, words)
        ends = self.calls.die(death, now_s=time.monotonic())
        for keys, text in blocked.of_ends(ends, death, how, told):
            self.telling.say(keys, text)
        self.telling.end(ends)
        self._tell()

    async def _end_at_last(self) -> None:
        await anyio.sleep(_END_S)
        self.condemn(Death(reason="it did not end when nothing ran in it", is_ours=True))

    def _start_soon(self, step: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if self._group is not None:
            self._group.start_soon(step)
