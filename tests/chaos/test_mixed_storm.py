"""All at once: kills, stops, cancels and pauses upon tasks with keys, parents, delays and leases."""

import random
import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import anyio
import psutil
import pytest
from redis import Redis

from rq_agent.broker import urls
from rq_agent.broker.events import Event
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import Condition, Parent
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.tasks import Tasks

from ..model import invariants, stored
from ..servers import Servers
from . import figures
from .crew import Crew
from .ledger import Ledger
from .load import opened
from .replay import all_events, replayed
from .sizes import pick
from .submitter import Submitter
from .verdict import judge, settled

LEASE_S: Final = pick(short=1.0, long=2.0)
QUEUES: Final = ("a", "b")
LIMITS: Final = {"one": 1, "two": 2}
"""Concurrency key -> how many of its tasks may run at once."""
BATCH: Final = 4


@pytest.mark.timeout(600)
async def test_all_at_once_leaves_nothing_behind(servers: Servers, ledger: Ledger) -> None:
    tasks, size = pick(short=80, long=3_000), pick(short=4, long=10)
    socket, name = servers.socket("valkey"), f"c{secrets.token_hex(4)}"
    url = urls.of_socket(socket)
    setup = {"lease_ms": int(LEASE_S * 1000), "beat_ms": int(LEASE_S * 100)}
    crew = Crew(url, name, ledger, size=size, queues=QUEUES, mode="round-robin", slots=3, **setup)
    async with opened(url, name) as ns:
        with crew, Redis(unix_socket_path=str(socket)) as plain:
            await crew.ready()
            storm = Storm(ns, crew, plain, random.Random(13))
            async with anyio.create_task_group() as tg:
                for nemesis in (storm.kill, storm.stop, storm.cancel, storm.pause_a_queue):
                    tg.start_soon(nemesis)
                tg.start_soon(storm.look)
                await storm.submit(Submitter(ns, ledger), tasks)
                await settled(ns, len(storm.ids), deadline_s=pick(short=60, long=400))
                tg.cancel_scope.cancel()
            storm.look_once()
        verdict, events = await judge(ns, ledger), await all_events(ns)

    verdict.must_be_clean()
    went_through = replayed(events, queues=QUEUES)
    assert went_through.ended_twice == ()
    assert over_the_limit(events, storm.keys) == []
    figures.note(
        "all at once",
        tasks=verdict.acked,
        kills=verdict.kills,
        stops=storm.stops,
        cancels=storm.cancels,
        looks=storm.looks,
        requeued=went_through.requeued,
        fenced=verdict.fenced,
        lost=len(verdict.lost),
        double_accepted=len(verdict.double_accepted),
    )


class Storm:
    """What comes upon the tasks, and what is known of them."""

    def __init__(self, ns: Namespace, crew: Crew, plain: Redis, rng: random.Random) -> None:
        self._ns = ns
        self._crew = crew
        self._plain = plain
        self._rng = rng
        self.ids: list[TaskId] = []
        self.keys: dict[str, str] = {}
        """Task -> its concurrency key."""
        self.stops = 0
        self.cancels = 0
        self.looks = 0

    async def submit(self, submitter: Submitter, count: int) -> None:
        """Enqueue tasks of all kinds."""
        while len(self.ids) < count:
            options = self._options()
            queue = self._rng.choice(QUEUES)
            ids = await submitter.enqueue(BATCH, queue=queue, **options)
            self.ids += ids
            if key := options.get("concurrency_key"):
                self.keys |= dict.fromkeys(ids, key)
            await anyio.sleep(0.02)

    def _options(self) -> dict[str, Any]:
        options: dict[str, Any] = {"priority": self._rng.choice((-1, 0, 0, 1))}
        kind = self._rng.randrange(5)
        if kind == 0:
            key = self._rng.choice(sorted(LIMITS))
            options |= {"concurrency_key": key, "concurrency_limit": LIMITS[key], "name": "50ms"}
        elif kind == 1 and self.ids:
            condition = self._rng.choice(list(Condition))
            parents = self._rng.sample(self.ids[-50:], k=2)
            options["parents"] = tuple(Parent(parent, condition) for parent in parents)
        elif kind == 2:
            options["delay_ms"] = self._rng.randrange(1_000)
        elif kind == 3:
            options["lease_ms"] = int(LEASE_S * pick(short=1_500, long=500))
        return options

    async def kill(self) -> None:
        while True:
            await anyio.sleep(0.4)
            number = self._crew.anyone(self._rng)
            self._crew.kill(number)
            self._crew.restart(number, as_new=self._rng.random() < 0.5)

    async def stop(self) -> None:
        """Let one stand still for longer than a lease; it is killed only after that."""
        while True:
            number = self._crew.anyone(self._rng)
            self._crew.pause(number)
            self.stops += 1
            await anyio.sleep(1.3 * LEASE_S)
            self._crew.resume(number)
            await anyio.sleep(0.2)

    async def cancel(self) -> None:
        while True:
            await anyio.sleep(0.15)
            if self.ids:
                await Tasks(self._ns).cancel(self._rng.choice(self.ids[-80:]))
                self.cancels += 1

    async def pause_a_queue(self) -> None:
        while True:
            await anyio.sleep(self._rng.uniform(0.2, 1.0))
            queue = self._rng.choice(QUEUES)
            await QueueSettings(self._ns).pause(queue)
            await anyio.sleep(0.3)
            await QueueSettings(self._ns).resume(queue)

    async def look(self) -> None:
        """Now and then let everybody stand still, and see that what is stored fits together."""
        while True:
            await anyio.sleep(1.0)
            self.look_once()

    def look_once(self) -> None:
        """Raise AssertionError where something stored does not fit the rest."""
        running = [n for n, member in enumerate(self._crew.members) if not member.is_paused]
        self._stand_still(running)
        invariants.check(stored.read(self._plain, self._ns.prefix))
        for number in running:
            self._crew.resume(number)
        self.looks += 1

    def _stand_still(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            self._crew.pause(number)
        for member in self._crew.members:
            while psutil.Process(member.pid).status() != psutil.STATUS_STOPPED:
                pass
        for _ in range(3):  # what they had sent is done before this is answered
            self._plain.ping()


def over_the_limit(events: Iterable[Event], keys: Mapping[str, str]) -> list[str]:
    """Return each claim that exceeded the limit of a concurrency key."""
    running: dict[str, set[str]] = defaultdict(set)
    found: list[str] = []
    for event in events:
        if (key := keys.get(event.task_id)) is None:
            continue
        if event.fields.get("state") == "running":
            running[key].add(event.task_id)
            if len(running[key]) > LIMITS[key]:
                found.append(event.task_id)
        elif "state" in event.fields or event.event == "lost":
            running[key].discard(event.task_id)
    return found
