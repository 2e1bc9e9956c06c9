"""Goes through the event stream again: redis wrote it in the order in which it did things."""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from rq_agent.broker.events import Event, Events
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.states import FINAL

Place = tuple[int, int, int]
"""Of the queue, of the priority, of the task among all: smaller goes first."""
_PAGE = 10_000


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """What the events show."""

    overtaken: tuple[tuple[str, str], ...]
    """A claimed task, and one that was ready and goes before it."""
    ended_twice: tuple[str, ...]
    requeued: int
    """How often a claimed task was to run once more."""


async def replay(
    ns: Namespace, *, queues: Sequence[str] = ("default",), priorities: Mapping[str, int] = {}
) -> Replay:
    """Go through all events of a namespace, of no more than the stream keeps.

    Args:
        ns: all of its tasks need the same, and all of its workers take the same queues.
        queues: in strict order.
        priorities: of those tasks whose priority is not 0.
    """
    return replayed(await all_events(ns), queues=queues, priorities=priorities)


def replayed(
    events: Iterable[Event], *, queues: Sequence[str], priorities: Mapping[str, int] = {}
) -> Replay:
    """Go through events, oldest first. Pure."""
    line = _Line()
    places: dict[str, Place] = {}
    losses: Counter[str] = Counter()
    finals: Counter[str] = Counter()
    overtaken: list[tuple[str, str]] = []
    requeued = 0
    for event in events:
        task_id = event.task_id
        if event.event == "enqueued":
            rank = queues.index(event.fields["queue"])
            places[task_id] = (rank, -priorities.get(task_id, 0), len(places))
        if event.event == "claimed" and (first := line.overtaken_by(places[task_id])):
            overtaken.append((task_id, first))
        losses[task_id] += (event.event == "lost") - (event.event == "readopted")
        requeued += event.event in ("lost", "given_back", "release")
        finals[task_id] += (state := _state(event, losses[task_id])) in FINAL
        if state == "queued":
            line.add(places[task_id], task_id)
        elif state:
            line.remove(task_id)
    return Replay(
        overtaken=tuple(overtaken),
        ended_twice=tuple(i for i, count in finals.items() if count > 1),
        requeued=requeued,
    )


def _state(event: Event, losses: int) -> str:
    """Return the state that a task has after an event; empty: as before.

    A loss tells none: the first one puts the task back, a later one delays it.
    """
    if event.event == "lost":
        return "queued" if losses <= 1 else "delayed"
    return event.fields.get("state", "")


class _Line:
    """The tasks that are ready, the first one at the front."""

    def __init__(self) -> None:
        self._heap: list[tuple[Place, str]] = []
        self._ready: set[str] = set()

    def add(self, place: Place, task_id: str) -> None:
        self._ready.add(task_id)
        heapq.heappush(self._heap, (place, task_id))

    def remove(self, task_id: str) -> None:
        self._ready.discard(task_id)

    def overtaken_by(self, place: Place) -> str:
        """Return a ready task that goes before that place; empty if there is none."""
        while self._heap and self._heap[0][1] not in self._ready:
            heapq.heappop(self._heap)
        return self._heap[0][1] if self._heap and self._heap[0][0] < place else ""


async def all_events(ns: Namespace) -> list[Event]:
    """Return all that the stream has, oldest first."""
    found: list[Event] = []
    while page := await Events(ns).read(found[-1].id if found else "0-0", count=_PAGE):
        found += page
    return found
