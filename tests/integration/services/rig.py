"""Hosts without a Redis: real environments and processes, code from a text, and a listener that keeps all."""

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec
from rq_agent.broker.keys import TaskId
from rq_agent.broker.signed_task import SignedTask
from rq_agent.broker.states import Phase
from rq_agent.worker.environment.cache import Environments
from rq_agent.worker.executors.venv import VenvExecutor
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.sdk_folder import bootstrap_path, host_path, materialize
from rq_agent.worker.services.calls import Call, Ended, HostPlan, HostTools, Kind, Said
from rq_agent.worker.services.host_plan import plan_of
from rq_agent.worker.services.hosts import Hosts

LONG_S = 20.0
"""Nothing here takes so long."""


class Listener:
    """Keeps what it hears; says how often each call ended."""

    def __init__(self) -> None:
        self.ends: list[Ended] = []
        self.parts: list[Said] = []
        self.phases: list[tuple[str, Phase]] = []
        self.places: list[str] = []
        self._news = anyio.Event()

    def ended(self, ends: Sequence[Ended]) -> None:
        self.ends += ends
        self._tell()

    def said(self, parts: Sequence[Said]) -> None:
        self.parts += parts
        self._tell()

    def placed(self, keys: Sequence[str]) -> None:
        self.places += keys
        self._tell()

    def entered(self, keys: Sequence[str], phase: Phase) -> None:
        self.phases += ((key, phase) for key in keys)
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = anyio.Event()

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait until something holds, looked at whenever something is heard."""
        with anyio.fail_after(LONG_S):
            while not is_so():
                await self._news.wait()

    async def end_of(self, key: str) -> Ended:
        """Wait for the end of a call; it must be the only one."""
        await self.until(lambda: any(end.key == key for end in self.ends))
        (end,) = (end for end in self.ends if end.key == key)
        return end

    async def heard(self, key: str, text: str, stream: str = "out") -> None:
        """Wait until a call has printed a text."""
        await self.until(lambda: text in self.text(key, stream))

    def text(self, key: str, stream: str = "out") -> str:
        """Return all that a call has printed."""
        parts = (part.data for part in self.parts if (part.key, part.stream) == (key, stream))
        return b"".join(parts).decode()


class Folder:
    """Snapshots that are one text."""

    def __init__(self, code: str) -> None:
        self.code = code

    async def put(self, code: Code, tree: Path) -> None:
        put(tree, self.code)


def put(tree: Path, code: str) -> None:
    """Write a snapshot of one file."""
    tree.mkdir()
    (tree / "mine.py").write_text(code)


class Roomy:
    """A disk that has room."""

    async def is_short(self) -> bool:
        return False

    async def refuse(self, task_id: TaskId) -> bool:
        return False


class Rig:
    """Hosts, and what they are made with."""

    def __init__(self, folder: Path, code: str, executor: VenvExecutor) -> None:
        self.folder = folder
        self.snapshots = Folder(code)
        self.executor = executor
        self.environment = EnvironmentSpec()

    def tools(self, **changes: object) -> HostTools:
        fields: dict[str, object] = {
            "worker": "w1",
            "folder": self.folder,
            "snapshots": self.snapshots,
            "executors": {"venv": self.executor},
            "room": Roomy(),
            **changes,
        }
        return HostTools(**fields)  # type: ignore[arg-type]

    def plan(self, kind: Kind = "coroutine", most: int = 1_000, **signed: object) -> HostPlan:
        definition = Definition(
            code=Code(form="file", blob="0" * 64, size_bytes=1, file_name="mine.py"),
            environment=self.environment,
            entry=Entry(script="mine.py"),
        )
        fields: dict[str, object] = {
            "not_after": 1,
            "namespace": "n",
            "task_id": "t",
            "definition": "0" * 64,
            **signed,
        }
        task = SignedTask(**fields)  # type: ignore[arg-type]
        return plan_of(definition, task, kind=kind, most=most, worker="w1", environ=variables())

    @asynccontextmanager
    async def hosts(self, listener: Listener, **changes: object) -> AsyncIterator[Hosts]:
        """Hosts that are ended afterwards."""
        async with anyio.create_task_group() as group:
            hosts = Hosts(self.tools(**changes), listener, group)
            try:
                yield hosts
            finally:
                with anyio.CancelScope(shield=True):
                    await hosts.retire()


def variables() -> Mapping[str, str]:
    """What hosts inherit."""
    return {"PATH": os.environ["PATH"]}


def call(key: str, function: str, *args: object, **fields: object) -> Call:
    """Return a call of a function of the rig's code."""
    import msgspec

    return Call(
        key=key,
        target=f"mine:{function}",
        arguments=msgspec.json.encode([args, {}]),
        note=f"note of {key}",
        **fields,  # type: ignore[arg-type]
    )


@asynccontextmanager
async def executor(cache: Path) -> AsyncIterator[VenvExecutor]:
    """What runs hosts."""
    async with Launcher() as launcher:
        yield VenvExecutor(
            Environments(cache),
            launcher,
            sdk=materialize(cache),
            bootstrap=bootstrap_path(cache),
            host=host_path(cache),
        )
