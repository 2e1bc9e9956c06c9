"""`rq-agent work --services` in processes of their own: killed, stopped, started again."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, Self

import anyio
import psutil

from rq_agent.broker.home import machine_id

from ..integration.worker.lab import Lab

_LOOK_S: Final = 0.02
_DEADLINE_S: Final = 60.0


class ServiceWorkers:
    """Workers by name. What is left of them at the end is killed; their hosts by `end_programs`."""

    def __init__(self, lab: Lab, log: Path, *options: str, url: str = "") -> None:
        """`options` are those of `rq-agent work`; `url`: another way to the server than the lab's."""
        self._lab = lab
        self._log = log
        self._options = options
        self._url = url or lab.url
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait()

    def start(self, name: str = "w1", *options: str) -> None:
        """Start one, or start it again."""
        where = {
            "RQ_AGENT_HOME": str(self._lab.home.config.parent),
            "RQ_AGENT_REDIS_URL": self._url,
            "RQ_AGENT_NAMESPACE": self._lab.namespace.name,
        }
        command = [sys.executable, "-m", "rq_agent.cli", "work", "--name", name]
        with self._log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*command, "--slots", "0", *self._options, *options],
                env=os.environ | where,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, name: str = "w1") -> None:
        """End one as a crash would."""
        self.processes[name].kill()
        self.processes[name].wait()

    def stop(self, name: str = "w1") -> None:
        """Let one stand still."""
        self.processes[name].send_signal(signal.SIGSTOP)

    def go_on(self, name: str = "w1") -> None:
        """Let one go on."""
        self.processes[name].send_signal(signal.SIGCONT)

    async def drained(self, name: str = "w1") -> int:
        """Ask one to drain; return its exit code."""
        self.processes[name].send_signal(signal.SIGTERM)
        return await self.ended(name)

    async def ended(self, name: str = "w1") -> int:
        """Return the exit code of one that ends by itself."""
        with anyio.fail_after(_DEADLINE_S):
            while (code := self.processes[name].poll()) is None:
                await anyio.sleep(_LOOK_S)
        return code

    def said(self) -> str:
        """Return what they logged."""
        return self._log.read_text("utf-8", "replace")

    def host_folders(self, name: str = "w1") -> list[Path]:
        """Return the folders of hosts of one."""
        hosts = self._lab.home.state / machine_id() / "workers" / name / "hosts"
        return sorted(hosts.glob("*.*"))


def kill_process(pid: int) -> bool:
    """Kill a host; return whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
