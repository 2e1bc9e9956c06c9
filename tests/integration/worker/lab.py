"""A server, a submitter and workers of one test: all real, all its own."""

import secrets
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from rq_agent.broker import keys
from rq_agent.broker.claims import Claim
from rq_agent.broker.connection import blocking_connection, connect
from rq_agent.broker.events import Event, Events
from rq_agent.broker.home import Home, below, machine_id
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.logs import Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.orders import parse
from rq_agent.broker.presence import Workers, WorkerView
from rq_agent.broker.record import Record
from rq_agent.broker.states import FINAL
from rq_agent.broker.submission import Submission, submit
from rq_agent.broker.tasks import Tasks
from rq_agent.broker.ticks import Ticks
from rq_agent.broker.trust import TrustFile
from rq_agent.worker.config import WorkerConfig
from rq_agent.worker.opening import utc_now
from rq_agent.worker.services.hosts import Hosts
from rq_agent.worker.services.lights import MakeHosts
from rq_agent.worker.signals import Signals
from rq_agent.worker.supervisor import Supervisor
from tests.looking import look_again

DEADLINE_S = 60.0


@asynccontextmanager
async def open_lab(url: str, name: str, folder: Path) -> AsyncIterator["Lab"]:
    """Open a namespace on a server; `folder` holds the home, and the code of the submitter."""
    home = below(folder / "home")
    pair = KeyPair.load_or_create(home.config / "keys", "ada@lab")
    TrustFile(home.config / "trust.json").add(pair.public, pair.name, ["*"])
    (folder / "code").mkdir(exist_ok=True)
    async with connect(url) as redis, blocking_connection(url) as blocking:
        answering = await Namespace.open(redis, name)
        waiting = await Namespace.open(blocking, name)
        yield Lab(url, answering, waiting, home, pair, folder / "code")


class Lab:
    """What a test works with."""

    def __init__(
        self,
        url: str,
        namespace: Namespace,
        blocking: Namespace,
        home: Home,
        pair: KeyPair,
        folder: Path,
    ) -> None:
        self.url = url
        self.namespace = namespace
        self.blocking = blocking
        self.home = home
        self.pair = pair
        self.folder = folder

    def script(self, text: str, name: str = "script.py") -> Path:
        """Write a script into a folder of its own."""
        folder = self.folder / f"code{len(list(self.folder.iterdir()))}"
        folder.mkdir()
        path = folder / name
        path.write_text(textwrap.dedent(text), "utf-8")
        return path

    async def submit(
        self, script: str | Path, *, pair: KeyPair | None = None, **options: Any
    ) -> TaskId:
        """Submit the text of a script, or the script at a path."""
        target = self.script(script) if isinstance(script, str) else script
        submission = Submission(target=target, workdir=target.parent, user="ada", **options)
        done = await submit(
            self.namespace, submission, pair or self.pair, progress=lambda text: None
        )
        return done.task_id

    @asynccontextmanager
    async def worker(self, name: str = "w1", **options: Any) -> AsyncIterator[Signals]:
        """Run a worker as long as the body runs; then drain it."""
        signals = Signals()
        async with anyio.create_task_group() as tg:
            tg.start_soon(partial(self.work, name, signals=signals, **options))
            yield signals
            signals.drain("the test is over")

    async def work(
        self,
        name: str = "w1",
        *,
        queues: tuple[str, ...] = ("default",),
        mode: str = "priority",
        signals: Signals | None = None,
        now: Callable[[], datetime] = utc_now,
        make_hosts: MakeHosts = Hosts,
        ready: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> None:
        """Run a worker until it stops by itself; `ready` is called when it is about to claim."""
        options.setdefault("beat_ms", 200)
        config = WorkerConfig(name=name, order=parse(mode, queues), home=self.home, **options)
        await Supervisor(
            config, self.namespace, self.blocking, signals, now, make_hosts=make_hosts
        ).run(ready=ready)

    async def work_once(self) -> None:
        """Run a worker until no task is ready."""
        await self.work(once=True)

    async def cancel(self, task_id: TaskId) -> None:
        """Cancel a task without mercy."""
        await Tasks(self.namespace).cancel(task_id, grace_ms=0)

    async def ended(self, *ids: TaskId) -> list[Record]:
        """Return the records of tasks when all of them are final."""
        missing = set(ids)

        def is_last(event: Event) -> bool:
            if event.fields.get("state") in FINAL:
                missing.discard(event.task_id)
            return not missing

        await self._until(is_last)
        return await Lookups(self.namespace).records(list(ids))

    async def reached(self, task_id: TaskId, event_name: str, **fields: str) -> Event:
        """Return the first event of that name about a task."""
        return await self._until(
            lambda e: (
                (e.task_id, e.event) == (task_id, event_name) and fields.items() <= e.fields.items()
            )
        )

    async def events(self) -> list[Event]:
        """Return all events so far."""
        return await Events(self.namespace).read("0-0", count=100_000)

    async def _until(self, is_it: Callable[[Event], bool]) -> Event:
        """Return the first event of the namespace that is it, from the oldest on."""
        last = "0-0"
        with anyio.fail_after(DEADLINE_S):
            while True:
                for event in await Events(self.blocking).read(last, block_ms=1_000):
                    last = event.id
                    if is_it(event):
                        return event

    async def workers(self) -> list[WorkerView]:
        """Return the live workers."""
        return await Workers(self.namespace).live()

    async def worker_is(self, name: str, state: str) -> None:
        """Wait until a worker says that it is in a state."""
        with anyio.fail_after(DEADLINE_S):
            while [w.state for w in await self.workers() if w.name == name] != [state]:
                await look_again()

    async def worker_tells(self, name: str, fact: str, value: str) -> None:
        """Wait until a worker tells a fact of itself."""
        with anyio.fail_after(DEADLINE_S):
            while [w.facts.get(fact) for w in await self.workers() if w.name == name] != [value]:
                await look_again()

    async def gone(self, name: str) -> None:
        """Wait until a worker is not there any more."""
        with anyio.fail_after(DEADLINE_S):
            while name in [worker.name for worker in await self.workers()]:
                await look_again()

    async def reached_beat(self, name: str) -> None:
        """Wait for the next beat of a worker; redis tells nobody of one, so it is looked for."""
        key = f"{self.namespace.prefix}wk:{name}"
        before = await self.namespace.redis.hget(key, "beat_ms")
        while await self.namespace.redis.hget(key, "beat_ms") == before:
            await look_again()

    async def lease_runs_out(self, task_id: TaskId) -> None:
        """Let the lease of a running task run out, and see it."""
        await self.namespace.redis.zadd(keys.leases(self.namespace.prefix), {task_id: 1})
        await Ticks(self.namespace).tick(lease_ms=60_000)

    async def taken_away(self, task_id: TaskId) -> Claim:
        """Let the lease of a running task run out, and claim it for another worker."""
        while True:  # a beat of its worker may come in between, and take the task back
            await self.lease_runs_out(task_id)
            claimed = await Leases(self.namespace).claim(
                "other",
                secrets.token_hex(8),
                limit=1,
                order=parse("priority", ["default"]),
                shapes=[shape_id(Need())],
                lease_ms=60_000,
                park=False,
            )
            if claimed.claims:
                return claimed.claims[0]

    async def record(self, task_id: TaskId) -> Record:
        """Return one record."""
        return await Lookups(self.namespace).record(task_id)

    async def output(self, task_id: TaskId, stream: str = "out") -> str:
        """Return what the last attempt printed, as far as Redis has it."""
        record = await self.record(task_id)
        entries, _ = await Logs(self.namespace).read(task_id, record.fence, count=10_000)
        return b"".join(e.data for e in entries if e.stream == stream).decode("utf-8", "replace")

    async def printed(self, task_id: TaskId, text: str, stream: str = "") -> None:
        """Wait until a task has printed a text; empty stream: or somebody has about it."""
        fence = (await self.record(task_id)).fence
        last, seen = "0", b""
        with anyio.fail_after(DEADLINE_S):
            while text.encode() not in seen:
                logs = Logs(self.blocking)
                entries, last = await logs.read(task_id, fence, last, block_ms=1_000)
                seen += b"".join(e.data for e in entries if stream in ("", e.stream))

    def run_folder(self, task_id: TaskId, fence: int = 1, worker: str = "w1") -> Path:
        """Return the folder of one attempt."""
        name = f"{task_id}.{fence}"
        return self.home.state / machine_id() / "workers" / worker / "tasks" / name
