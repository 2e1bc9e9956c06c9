"""Hosts that start nothing: calls end when the test says so, or at once."""

from collections.abc import Callable, Sequence

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec

from rq_agent.broker.claims import Outcome
from rq_agent.worker.endings import StopCause
from rq_agent.worker.services.calls import (
    Call,
    Ended,
    HostPlan,
    HostTools,
    HostView,
    Listener,
    Running,
    Said,
)
from rq_agent.worker.services.hosts import Hosts

_OF_STOP = {
    StopCause.CANCELLED: Outcome.CANCELLED,
    StopCause.RELEASED: Outcome.RELEASE,
    StopCause.LOST: Outcome.RELEASE,
}


class FakeHosts(Hosts):
    """What happens to a call is what its first argument says."""

    def __init__(self, tools: HostTools, listener: Listener, group: anyio.abc.TaskGroup) -> None:
        self.listener = listener
        self.group = group
        self.calls: dict[str, Call] = {}
        """Those that run."""
        self.plans: dict[str, HostPlan] = {}
        self.batches: list[int] = []
        self.most_at_once = 0
        self.settled_keys: list[str] = []
        self.stops: list[tuple[str, StopCause, float | None]] = []
        self.left: list[Running] = []
        """What `find` returns."""
        self.left_ends: list[Ended] = []
        self.is_retired = self.is_let_go = False
        self.are_made = True
        """False: calls wait for a host."""
        self._news = anyio.Event()

    def renew(self, key: str, until_s: float) -> None:
        pass

    def call(self, plan: HostPlan, calls: Sequence[Call]) -> None:
        self.batches.append(len(calls))
        self.plans[plan.key] = plan
        for call in calls:
            self.calls[call.key] = call
        if self.are_made:
            self.listener.placed([call.key for call in calls])
        self.most_at_once = max(self.most_at_once, len(self.calls))
        at_once = [call for call in calls if words(call)[:1] != ["stay"]]
        if at_once:
            self.group.start_soon(self._run, at_once)
        self._notify()

    async def _run(self, calls: Sequence[Call]) -> None:
        await anyio.lowlevel.checkpoint()
        for call in calls:
            match words(call):
                case ["say", str(text)]:
                    self.say(call.key, text)
        self.end([call.key for call in calls if call.key in self.calls])

    def say(self, key: str, text: str, *, offset: int = 0) -> None:
        data = text.encode()
        self.listener.said([Said(key=key, stream="out", offset=offset, data=data)])

    def end(
        self, keys: Sequence[str], outcome: Outcome = Outcome.SUCCEEDED, result: bytes = b"null"
    ) -> None:
        done = [(key, self.calls.pop(key)) for key in keys]
        self.listener.ended(
            [
                Ended(key=k, outcome=outcome, exit_code=0, result=result, note=c.note, lasted_ms=1)
                for k, c in done
            ]
        )
        self._notify()

    def cancel(
        self, key: str, cause: StopCause, *, grace_s: float | None = None, reason: str = ""
    ) -> None:
        self.stops.append((key, cause, grace_s))
        call = self.calls.pop(key, None)
        if call is not None:
            self.listener.ended([Ended(key=key, outcome=_OF_STOP[cause], reason=reason or cause)])

    def settled(self, keys: Sequence[str]) -> None:
        self.settled_keys += keys
        self._notify()

    async def find(self) -> list[Running]:
        if self.left_ends:
            self.listener.ended(self.left_ends)
        return self.left

    def views(self) -> list[HostView]:
        return []

    async def retire(self) -> None:
        self.is_retired = True

    def let_go(self) -> None:
        self.is_let_go = True

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until a call, an end or a settlement makes something so."""
        with anyio.fail_after(30):
            while not is_so():
                await self._news.wait()

    def _notify(self) -> None:
        self._news.set()
        self._news = anyio.Event()


def words(call: Call) -> list[object]:
    """Return the positional arguments of a call."""
    found: list[object] = msgspec.json.decode(call.arguments)[0]
    return found
