"""The version before this suite, beside this one: its worker, its client, its commands."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Final, Self

import msgspec

from rq_agent.broker.keys import TaskId

from ..integration.worker.lab import Lab

COMMIT: Final = "5ed3dc3f948b26a1a208ccbccbc0f2e1feab417b"
_ROOT: Final = Path(__file__).parents[2]
_SUBMIT: Final = """
import json, sys
from pathlib import Path
import anyio
from rq_agent.broker.connection import connect
from rq_agent.broker.home import below
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.submission import Submission, submit
url, name, home, target, count, options = sys.argv[1:]


async def main():
    pair = KeyPair.load_or_create(below(Path(home)).config / "keys", "ada@lab")
    path = Path(target)
    what = Submission(target=path, workdir=path.parent, user="ada", **json.loads(options))
    async with connect(url) as redis:
        ns = await Namespace.open(redis, name)
        for _ in range(int(count)):
            done = await submit(ns, what, pair, progress=lambda line: None)
            print(done.task_id)


anyio.run(main)
"""


class Version(msgspec.Struct, frozen=True):
    """One version of the product: where it lies."""

    name: str
    root: Path

    def environment(self, lab: Lab) -> dict[str, str]:
        """Return the variables with which a program of it works in a lab."""
        return os.environ | {
            "PYTHONPATH": str(self.root / "src"),
            "RQ_AGENT_HOME": str(lab.home.config.parent),
            "RQ_AGENT_REDIS_URL": lab.url,
            "RQ_AGENT_NAMESPACE": lab.namespace.name,
        }

    def submit(self, lab: Lab, script: Path, *, count: int = 1, **options: object) -> list[TaskId]:
        """Submit a script so often with its client; return the ids."""
        home = str(lab.home.config.parent)
        told = [lab.url, lab.namespace.name, home, str(script), str(count), json.dumps(options)]
        said = self._run(lab, "-c", _SUBMIT, *told)
        return [TaskId(line) for line in said.split()]

    def command(self, lab: Lab, *arguments: str) -> str:
        """Return what a command of it prints. It must succeed."""
        return self._run(lab, "-m", "rq_agent.cli", *arguments)

    def _run(self, lab: Lab, *arguments: str) -> str:
        command = [sys.executable, *arguments]
        where = self.environment(lab)
        done = subprocess.run(
            command, env=where, cwd=self.root, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


NEW: Final = Version("new", _ROOT)


def old(folder: Path) -> Version:
    """Unpack the older version."""
    archive = subprocess.run(
        ["git", "archive", "--format=tar", COMMIT], cwd=_ROOT, capture_output=True, check=False
    )
    assert archive.returncode == 0, (
        f"commit {COMMIT[:12]} is not in this clone: `git fetch --unshallow`, then try again"
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(folder, filter="tar")
    return Version("old", folder)


class Worker:
    """`rq-agent work` of one version; what is left of it at the end is killed."""

    def __init__(self, lab: Lab, version: Version, name: str, log: Path, *options: str) -> None:
        self._lab = lab
        self._version = version
        self._log = log
        self._command = [sys.executable, "-m", "rq_agent.cli", "work", "--name", name, *options]

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._version.environment(self._lab),
                cwd=self._version.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    def kill(self) -> None:
        """End it as a crash would; its programs go on."""
        self._process.kill()
        self._process.wait()
