"""The protocol between the runner and what runs a program."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from ...broker.claims import Token
from ...broker.definition import EnvironmentSpec
from ..process.handle import Handle
from ..process.wait import Exit

Report = Callable[[str], None]


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """A Python program and all that it is started with, whatever it runs in."""

    token: Token
    folder: Path
    """The run folder: private, absolute, made for this attempt."""
    environment: EnvironmentSpec
    script: Path
    """In the unpacked snapshot below the run folder, as the next two."""
    workdir: Path
    source_roots: tuple[Path, ...]
    argv: tuple[str, ...]
    variables: Mapping[str, str]
    """The whole environment, but for what the executor adds of its own."""
    grace_s: float
    module: str = ""
    """Dotted name, to run the script as by `python -m`; empty: as a file."""
    env_writable: bool = False
    """Give it an environment of its own, to change as it likes."""
    mem_limit_mib: float = 0.0
    """Of all its processes together; 0: none."""
    host: Literal["", "coroutine", "process"] = ""
    """Other than empty: the program is that of a host, which runs functions of many tasks (see
    worker/host/), and the script is not used."""


class Start(Protocol):
    """Starts a prepared program. Called once."""

    async def __call__(self, *, deadline_s: float = 0.0) -> Handle:
        """Return how to find the program again; it outlives this worker.

        Args:
            deadline_s: it is killed then unless told otherwise, see process/deadline.py; 0: never.
        """
        ...


class Executor(Protocol):
    """Runs programs in one kind of sandbox.

    tests/contract/test_executor.py is the meaning of this protocol: every executor passes it.
    wait() and stop() work for a handle that another session of the worker stored.
    """

    def prepare(self, program: Program, *, report: Report) -> AbstractAsyncContextManager[Start]:
        """Build what the program needs, or find it built; keep it until the context ends.

        Args:
            program: what is to run.
            report: gets lines about long work.

        Raises:
            BuildError: it can't be built; `.details` holds the tool's own words.
        """
        ...

    async def wait(self, handle: Handle) -> Exit:
        """Return how a program ended, as soon as it has. May be called again."""
        ...

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """End a program and all that it started: SIGTERM, after the grace SIGKILL.

        Returns when it is gone. Idempotent; a second call may shorten the grace.
        """
        ...
