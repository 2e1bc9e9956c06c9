"""How long a command line takes from its start to its end."""

import os
import subprocess
import time

import anyio.to_thread

from . import bare
from .figure import Effort, Figure, Say
from .stage import stage
from .worker import PROGRAM, environment

_COMMANDS = {
    "version": ("version",),
    "--help": ("--help",),
    "ps --json": ("ps", "--json"),
    "ps": ("ps",),
    "queue ls": ("queue", "ls"),
    "worker ls": ("worker", "ls"),
}
_COMPLETION = {
    "_RQ_AGENT_COMPLETE": "complete_bash",
    "COMP_WORDS": "rq-agent show ",
    "COMP_CWORD": "2",
}
_TIMEOUT_S = 60.0


async def measure(effort: Effort, say: Say) -> list[Figure]:
    """Return the times of some commands, beside the interpreter's own start."""
    say("start of the command line")
    async with stage() as where:
        variables = environment(where)
        plain = bare.venv(where.home.data.parent / "bare")
        programs = {name: (PROGRAM, *words) for name, words in _COMMANDS.items()}
        programs["completion of ids"] = ("env", *map("=".join, _COMPLETION.items()), PROGRAM)
        programs["python -c pass, in a venv"] = (plain.python, "-c", "pass")
        programs["python -c pass, not in a venv"] = (bare.interpreter(), "-c", "pass")
        for argv in programs.values():
            await anyio.to_thread.run_sync(_took_ms, argv, variables)
        values: dict[str, list[float]] = {name: [] for name in programs}
        for _ in range(effort.starts):
            for name, argv in programs.items():
                values[name].append(await anyio.to_thread.run_sync(_took_ms, argv, variables))
    return [
        Figure(
            id=f"cli.{name.replace(', ', '-').replace(' ', '-')}",
            title=name if name.startswith("python") else f"rq-agent {name}",
            unit="ms",
            values=tuple(each),
        )
        for name, each in values.items()
    ]


def _took_ms(argv: tuple[str, ...], variables: dict[str, str]) -> float:
    started_s = time.perf_counter()
    subprocess.run(
        argv,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=True,
        timeout=_TIMEOUT_S,
    )
    return (time.perf_counter() - started_s) * 1e3
