"""Compiles packages to bytecode, while somebody still can: tasks may not write there later."""

import os
from pathlib import Path
from typing import Final

from .uv import Report, Uv, run

_MOST_PROCESSES: Final = 8
_LEFT_OUT: Final = r"[/\\]tests[/\\]"
"""Nearly half of the modules of scientific packages are their own tests, which no task imports.
uv's own compiler takes all."""


async def compile_packages(folder: Path, packages: Path, uv: Uv, report: Report) -> None:
    """Compile what an environment holds. What does not compile stays as it is, as with pip."""
    report("rq-agent: compiling to bytecode")
    await run(
        uv,
        *("-I", "-m", "compileall", "-qq", "-j", str(_processes()), "-x", _LEFT_OUT, "."),
        program=str(folder / "bin" / "python"),
        cwd=str(packages),
    )


def _processes() -> int:
    return min(_MOST_PROCESSES, os.cpu_count() or 1)
