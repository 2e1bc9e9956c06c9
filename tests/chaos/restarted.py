"""`rq-agent work` in a process of its own that is started again when it dies, as systemd would."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio

from ..integration.worker.lab import Lab

_LOOK_S: Final = 0.05
_END_S: Final = 20.0


class Restarted:
    """One worker by name."""

    def __init__(self, lab: Lab, name: str, log: Path, options: Sequence[str], most: int) -> None:
        self._command = [sys.executable, "-m", "rq_agent.cli", "work", "--name", name, *options]
        self._variables = os.environ | {
            "RQ_AGENT_HOME": str(lab.home.config.parent),
            "RQ_AGENT_REDIS_URL": lab.url,
            "RQ_AGENT_NAMESPACE": lab.namespace.name,
        }
        self._log = log
        self._most = most
        self.deaths = 0
        self.process: subprocess.Popen[bytes] | None = None

    async def run(self) -> None:
        """Start it again each time that it dies, but not for ever."""
        self._start()
        while self.process is not None:
            await anyio.sleep(_LOOK_S)
            if self.process.poll() is not None:
                self.deaths += 1
                assert self.deaths <= self._most, f"it died {self.deaths} times: {self.said()}"
                self._start()

    def _start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                env=self._variables,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    async def end(self) -> None:
        """End it as systemd does: SIGTERM, and more only if that is not heard."""
        process, self.process = self.process, None
        if process is None:
            return
        process.terminate()
        with anyio.move_on_after(_END_S, shield=True):
            while process.poll() is None:
                await anyio.sleep(_LOOK_S)
        if process.poll() is None:
            process.kill()
            process.wait()

    def said(self) -> str:
        """Return the end of what it logged."""
        return self._log.read_text("utf-8", "replace")[-2_000:]


@asynccontextmanager
async def restarted(
    lab: Lab, name: str = "w1", *, options: Sequence[str] = (), most: int = 100
) -> AsyncIterator[Restarted]:
    """Run a worker as long as the body runs.

    Args:
        lab: where it works.
        name: of the worker.
        options: of `rq-agent work`.
        most: how often it may die.
    """
    worker = Restarted(lab, name, lab.folder / f"{name}.log", options, most)
    async with anyio.create_task_group() as tg:
        tg.start_soon(worker.run)
        try:
            yield worker
        finally:
            tg.cancel_scope.cancel()
            await worker.end()
