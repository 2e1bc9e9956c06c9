"""Runs scripts through the bootstrap as a worker would, and bare, to compare."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import NamedTuple

from rq_agent.worker.sdk_folder import bootstrap_path, materialize

_DEADLINE_S = 60


class Ended(NamedTuple):
    """How a script ended, and the parameters that were recorded."""

    code: int
    out: str
    err: str
    used: dict[str, str] | None


class Folder:
    """A task's working directory with scripts in it."""

    def __init__(self, path: Path, cache: Path, python: str = sys.executable) -> None:
        self.path = path / "work"
        self.path.mkdir()
        self._own = path
        self._cache = cache
        self._python = python

    def write(self, name: str, source: str) -> Path:
        """Put a file there, dedented."""
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(source))
        return file

    @property
    def sdk(self) -> Path:
        """What a worker puts at the end of the path."""
        return materialize(self._cache)

    def bare(self, *argv: str, flags: tuple[str, ...] = ()) -> Ended:
        """Run `python SCRIPT ...`."""
        return self._run([self._python, "-u", *flags, *argv], {})

    def task(
        self,
        *argv: str,
        overrides: Mapping[str, str] | None = None,
        flags: tuple[str, ...] = (),
        environment: Mapping[str, str] | None = None,
    ) -> Ended:
        """Run `python run.py SCRIPT ...` with overrides."""
        asked, used = self._own / "params.json", self._own / "used.json"
        asked.write_text(json.dumps(overrides or {}))
        used.unlink(missing_ok=True)
        variables = {
            "RQ_AGENT_PARAMS_FILE": str(asked),
            "RQ_AGENT_USED_FILE": str(used),
            "PYTHONPATH": str(self.sdk),
            **(environment or {}),
        }
        program = bootstrap_path(self._cache)
        ended = self._run([self._python, "-u", *flags, str(program), *argv], variables)
        return ended._replace(used=json.loads(used.read_text()) if used.exists() else None)

    def _run(self, argv: list[str], variables: Mapping[str, str]) -> Ended:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RQ_AGENT"))}
        done = subprocess.run(
            argv,
            cwd=self.path,
            env={**clean, **variables},
            capture_output=True,
            text=True,
            timeout=_DEADLINE_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr, None)
