"""Builds one environment: next to its final place, sealed, and only then moved there."""

import errno
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread
import msgspec

from ...broker.definition import EnvironmentSpec
from ...broker.errors import BuildError, DiskFull
from . import compiling, scripts, tree
from .key import without_credentials
from .place import Marker, Places, write_marker
from .python import Interpreter
from .uv import Report, Uv, failure, run

_CLEAN_UP_S: Final = 60


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to build."""

    key: str
    spec: EnvironmentSpec
    interpreter: Interpreter
    timeout_s: float


async def build(places: Places, plan: Plan, uv: Uv, report: Report) -> None:
    """Build an environment and put it into its place. Who calls holds the build lock.

    Whatever interrupts it, no half environment is ever found in that place.

    Raises:
        BuildError: uv refused, the disk is full, or it took longer than `timeout_s`.
    """
    folder = places.building(plan.key)
    try:
        with anyio.fail_after(plan.timeout_s):
            await _install(folder, plan, uv, report)
            await anyio.to_thread.run_sync(_put, folder, places, plan.key)
    except TimeoutError:
        raise BuildError(
            f"building the environment took longer than {plan.timeout_s:g} s"
        ) from None
    except OSError as e:
        if e.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull(f"disk full: no space left for {places.root}; free some") from e
    finally:
        with anyio.move_on_after(_CLEAN_UP_S, shield=True):
            await anyio.to_thread.run_sync(tree.remove, folder)


async def _install(folder: Path, plan: Plan, uv: Uv, report: Report) -> None:
    started = time.monotonic()
    await _venv(folder, plan.interpreter, uv)
    if plan.spec.requirements:
        await _requirements(folder, plan.spec, uv, report)
    if not plan.interpreter.pip_wheel:
        await _pip(folder, plan.spec, uv, report)
    await compiling.compile_packages(folder, folder / plan.interpreter.site_packages, uv, report)
    await anyio.to_thread.run_sync(scripts.prefer_overlay, folder / "bin")
    size_bytes = await anyio.to_thread.run_sync(tree.seal, folder)
    write_marker(folder, _marker(plan, size_bytes, time.monotonic() - started))
    os.chmod(folder, 0o555)


def _marker(plan: Plan, size_bytes: int, seconds: float) -> Marker:
    return Marker(
        key=plan.key,
        executor=plan.spec.executor,
        requirements=tuple(map(without_credentials, plan.spec.requirements)),
        index_options=tuple(map(without_credentials, plan.spec.index_options)),
        source=plan.spec.source,
        python=plan.interpreter.version,
        executable=plan.interpreter.executable,
        built_at=time.time(),
        seconds=round(seconds, 3),
        size_bytes=size_bytes,
    )


async def _venv(folder: Path, interpreter: Interpreter, uv: Uv) -> None:
    made = await run(
        uv, "venv", "--no-project", "--relocatable", "--python", interpreter.executable, str(folder)
    )
    if made.code != 0:
        raise failure(uv, "uv could not make an environment", made.words)


async def _requirements(folder: Path, spec: EnvironmentSpec, uv: Uv, report: Report) -> None:
    strict = ["--require-hashes"] if all_hashed(spec.requirements) else []
    lines = [*spec.index_options, *spec.requirements]
    installed = await run(uv, *_into(folder), *strict, stdin=_text(lines), report=report)
    if installed.code != 0:
        raise failure(uv, "uv could not install the requirements", installed.words)


def all_hashed(requirements: Sequence[str]) -> bool:
    """Return whether every line says which files are acceptable."""
    return bool(requirements) and all("--hash=" in line for line in requirements)


async def _pip(folder: Path, spec: EnvironmentSpec, uv: Uv, report: Report) -> None:
    """Install pip, for tasks that install at run time: the interpreter brought none."""
    installed = await run(uv, *_into(folder), stdin=_text([*spec.index_options, "pip"]))
    if installed.code != 0:
        report("rq-agent: no pip could be installed, so the task can't install at run time:")
        report(installed.words)


def _into(folder: Path) -> tuple[str, ...]:
    """Return the command that installs what stdin says."""
    return ("pip", "install", "--python", str(folder), "-r", "-")


def _text(lines: Sequence[str]) -> bytes:
    return "\n".join([*lines, ""]).encode()


def _put(folder: Path, places: Places, key: str) -> None:
    final = places.environment(key)
    if final.exists():  # without a marker: whatever that is, it was not put here by us
        leftover = places.trash(key)
        final.rename(leftover)
        tree.remove(leftover)
    folder.rename(final)
    fd = os.open(places.root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
