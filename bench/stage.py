"""What every part works with: a server, a namespace on it, a home and a key that it trusts."""

import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from rq_agent.broker.connection import blocking_connection, connect
from rq_agent.broker.events import Event, Events
from rq_agent.broker.home import Home, below
from rq_agent.broker.ids import TaskIds
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.states import FINAL
from rq_agent.broker.submission import Submission, new_task, submit
from rq_agent.broker.tasks import NewTask, Tasks
from rq_agent.broker.trust import TrustFile

from .server import running_server

DEADLINE_S: Final = 120.0
QUEUE: Final = "default"


class Stage:
    """One namespace on one server."""

    def __init__(
        self, url: str, namespace: Namespace, blocking: Namespace, home: Home, pair: KeyPair
    ) -> None:
        self.url = url
        self.namespace = namespace
        self.blocking = blocking
        self.home = home
        self.pair = pair
        self.tasks = Tasks(namespace)
        self.ids = TaskIds()

    async def submission(self, text: str) -> tuple[Submission, TaskId]:
        """Submit a script for the first time; return what tasks like it are made of."""
        folder = self.home.data.parent / f"code-{secrets.token_hex(4)}"
        folder.mkdir()
        target = folder / "script.py"
        target.write_text(text, "utf-8")
        what = Submission(target=target, workdir=folder, user="bench")
        done = await submit(self.namespace, what, self.pair, progress=lambda line: None)
        return what, done.task_id

    async def again(self, what: Submission, like: TaskId) -> NewTask:
        """Return a signed task with the definition of another: nothing need be uploaded."""
        stored = await self.namespace.redis.hget(f"{self.namespace.prefix}t:{like}", "definition")
        assert isinstance(stored, bytes)
        return new_task(self.namespace.name, what, stored.decode(), self.pair)

    async def mark(self) -> str:
        """Return the place in the event stream from which `ended` looks."""
        return await Events(self.namespace).last()

    async def ended(self, ids: Sequence[TaskId], after: str) -> dict[TaskId, tuple[Event, int]]:
        """Return the final event of each task, and when it was seen (Unix ns)."""
        found: dict[TaskId, tuple[Event, int]] = {}
        missing = set(ids)
        with anyio.fail_after(DEADLINE_S):
            while missing:
                events = await Events(self.blocking).read(after, block_ms=1_000)
                seen_ns = time.time_ns()
                for event in events:
                    after = event.id
                    if event.task_id in missing and event.fields.get("state") in FINAL:
                        found[event.task_id] = event, seen_ns
                        missing.discard(event.task_id)
        return found


@asynccontextmanager
async def stage(persistence: str = "AOF everysec") -> AsyncIterator[Stage]:
    """Yield a stage of its own, with nothing on it yet."""
    folder = Path(tempfile.mkdtemp(prefix="rqb-home"))
    home = below(folder)
    home.data.mkdir()
    pair = KeyPair.load_or_create(home.config / "keys", "bench@here")
    TrustFile(home.config / "trust.json").add(pair.public, pair.name, ["*"])
    try:
        with running_server(persistence) as url:
            redis, blocking = connect(url), blocking_connection(url)
            name = f"bench-{secrets.token_hex(4)}"
            yield Stage(
                url,
                await Namespace.open(redis, name),
                await Namespace.open(blocking, name),
                home,
                pair,
            )
            await redis.aclose()
            await blocking.aclose()
    finally:
        _make_writable(folder)
        shutil.rmtree(folder)


def _make_writable(folder: Path) -> None:
    """Environments are sealed; a user other than root could not remove them."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
