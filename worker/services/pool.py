"""Calls that may share hosts, and the hosts of that kind: which goes where. No input, no output."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, Generic, Protocol, TypeVar

import msgspec

from ...broker.states import Phase
from .calls import Call, HostPlan
from .isolation import most_in

_LONG_S: Final = 0.5
"""What takes longer is told to those that wait for it."""
_PAUSES_S: Final = (0.5, 2.0)
"""After the first host that can't be started, and after the second one in a row."""
_AT_ONCE: Final = 4
"""Hosts of one pool that are made at the same time."""
_HOSTS: Final = 64
"""At once, of calls that could share fewer but for their isolation."""


class WithRoom(Protocol):
    """A host, as far as a pool sees it."""

    @property
    def room(self) -> int:
        """How many calls it can take now."""
        ...

    def run(self, calls: Sequence[Call]) -> None:
        """Give it calls."""
        ...


H = TypeVar("H", bound=WithRoom)


class Pool(Generic[H]):
    """The hosts of one plan and one class of isolation, and the calls that wait for one.

    Args:
        plan: how its hosts are made.
        isolation: class of its calls.
    """

    def __init__(self, plan: HostPlan, isolation: int) -> None:
        self.plan = plan
        self.isolation = isolation
        self.most = 1 if plan.alone else most_in(isolation, plan.most)
        self.waiting: dict[str, Call] = {}
        self.hosts: list[H] = []
        self.making = 0
        """Hosts that are being made, or will be."""
        self._failures = 0
        self._phase: Phase | None = None
        self._since_s = 0.0
        self._told: dict[str, Phase] = {}

    @property
    def is_empty(self) -> bool:
        """Whether it has neither calls nor hosts."""
        return not (self.waiting or self.hosts or self.making)

    def place(self) -> list[tuple[H, list[Call]]]:
        """Take calls that a host has room for from those that wait; oldest first."""
        placed = []
        for host in self.hosts:
            room = host.room if self.waiting else 0
            if room:
                calls = list(islice(self.waiting.values(), room))
                for call in calls:
                    del self.waiting[call.key]
                placed.append((host, calls))
        return placed

    def wanted(self) -> int:
        """Return how many more hosts are to be made now."""
        if not self.waiting:
            return 0
        hosts = -(-len(self.waiting) // self.most) - self.making
        if self.most < self.plan.most:
            hosts = min(hosts, _HOSTS - len(self.hosts) - self.making)
        return max(0, min(hosts, _AT_ONCE - self.making))

    def drop(self, key: str) -> Call | None:
        """Return a call that waits, which then does no more; None: it does not wait."""
        self._told.pop(key, None)
        return self.waiting.pop(key, None)

    def renew(self, key: str, until_s: float) -> None:
        """Note until when a call that waits may run."""
        if key in self.waiting:
            self.waiting[key] = msgspec.structs.replace(self.waiting[key], until_s=until_s)

    @property
    def until_s(self) -> float:
        """Until when a host that is made now may live unless that is renewed; 0: it may."""
        return min((call.until_s for call in self.waiting.values() if call.until_s), default=0.0)

    def take_all(self) -> list[Call]:
        """Return all that wait, which then do no more."""
        calls = list(self.waiting.values())
        self.waiting.clear()
        self._told.clear()
        return calls

    # How making hosts goes.

    def started(self) -> None:
        """A host takes calls."""
        self._failures = 0
        self._phase = None

    def failed(self) -> float | None:
        """A host could not be started; return after which pause to try again, None: not at all."""
        self._failures += 1
        if self._failures > len(_PAUSES_S):
            self._failures = 0
            return None
        return _PAUSES_S[self._failures - 1]

    def entered(self, phase: Phase, *, now_s: float) -> None:
        """A host is at this now."""
        if self._phase is None:
            self._since_s = now_s
        self._phase = phase

    def untold(self, *, now_s: float) -> tuple[Phase, list[str]] | None:
        """Return the phase to tell those that wait long, and which don't know it; None: nobody."""
        phase = self._phase
        if phase is None or not self.waiting or now_s - self._since_s < _LONG_S:
            return None
        keys = [key for key in self.waiting if self._told.get(key) is not phase]
        self._told.update(dict.fromkeys(keys, phase))
        return (phase, keys) if keys else None

    def begun(self, calls: Iterable[Call]) -> list[str]:
        """Return which of these calls, that were placed, were told that they wait."""
        if not self._told:
            return []
        return [call.key for call in calls if self._told.pop(call.key, None) is not None]
