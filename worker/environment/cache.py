"""Environments that are built once and used by any number of tasks at a time."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import anyio.to_thread
import msgspec

from ...broker.definition import EnvironmentSpec
from . import bundled_pip
from .build import Plan, build
from .evict import evict, is_uv_cache_too_large, sweep
from .key import environment_key, index_settings
from .locks import locked
from .place import Places
from .python import Interpreter, Pythons
from .uv import Report, bundled, run, silent

BUILD_TIMEOUT_S: Final = 3600.0


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """One environment, ready and held."""

    key: str
    path: Path
    """Read-only, shared with other tasks."""
    interpreter: Interpreter
    was_cached: bool
    """False for the one that built it."""
    lock_fd: int
    """Holds the shared lock. A process that inherits it keeps the environment after we die."""
    overlays: Path
    """Where what its tasks' own environments share is kept; removed with it."""
    pip: Path | None
    """The pip that came with the interpreter; None: it is among the packages, if anywhere."""
    lock_path: Path
    """The same lock, for who would rather take a shared flock of its own."""

    @property
    def site_packages(self) -> Path:
        """Where its packages lie."""
        return self.path / self.interpreter.site_packages


class Environments:
    """All environments below one cache folder, shared with every other worker that uses it."""

    def __init__(
        self,
        cache: Path,
        *,
        max_bytes: int | None = None,
        build_timeout_s: float = BUILD_TIMEOUT_S,
        variables: Mapping[str, str] = os.environ,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            cache: an absolute path; need not exist.
            max_bytes: what environments may take; None: 20 GiB, or 30 % of a smaller disk.
            build_timeout_s: for one environment.
            variables: the worker's own; uv gets them without our secrets.
        """
        self._places = Places(cache)
        self._max_bytes = max_bytes
        self._build_timeout_s = build_timeout_s
        self._uv = bundled(self._places.uv, variables)
        self._pythons = Pythons(self._uv)
        self._settings = index_settings(self._uv.variables)
        self._is_swept = False
        self._pips: dict[str, Path | None] = {}

    @asynccontextmanager
    async def use(
        self, spec: EnvironmentSpec, *, report: Report = silent
    ) -> AsyncIterator[Environment]:
        """Hold the environment of a spec, building it if nobody has; it can't be evicted meanwhile.

        Args:
            spec: what to install.
            report: gets uv's lines while it builds.

        Raises:
            BuildError: no such Python, or uv refused; `.details` holds its own words.
        """
        interpreter = await self._pythons.resolve(spec.python)
        key = environment_key(spec, interpreter, self._settings)
        plan = Plan(key=key, spec=spec, interpreter=interpreter, timeout_s=self._build_timeout_s)
        was_cached = True
        async with AsyncExitStack() as stack:
            while (lock_fd := await self._held(key, stack)) is None:
                was_cached = not await self._build(plan, report) and was_cached
            if not was_cached:
                await self.evict()  # only now that ours can't be taken
            pip = await self._pip(interpreter.pip_wheel)
            yield Environment(
                key=key,
                path=self._places.environment(key),
                interpreter=interpreter,
                was_cached=was_cached,
                overlays=self._places.overlays(key),
                pip=pip,
                lock_fd=lock_fd,
                lock_path=self._places.use_lock(key),
            )

    async def evict(self) -> list[str]:
        """Remove what was not used for longest, until the rest fits; return the removed keys."""
        removed = await anyio.to_thread.run_sync(evict, self._places, self._max_bytes)
        if removed:
            await self._trim()
        return removed

    async def _trim(self) -> None:
        limits = self._places, self._max_bytes
        if await anyio.to_thread.run_sync(is_uv_cache_too_large, *limits):
            await run(self._uv, "cache", "clean")

    async def sweep(self) -> None:
        """Remove what killed builders left behind."""
        await anyio.to_thread.run_sync(sweep, self._places)

    async def _pip(self, wheel: str) -> Path | None:
        if wheel not in self._pips:
            cache = self._places.cache
            self._pips[wheel] = await anyio.to_thread.run_sync(bundled_pip.unpacked, cache, wheel)
        return self._pips[wheel]

    async def _held(self, key: str, stack: AsyncExitStack) -> int | None:
        """Return the lock of an environment that is there, held until the stack ends; or None."""
        if not self._places.is_built(key):
            return None
        async with AsyncExitStack() as attempt:
            lock = locked(
                self._places.use_lock(key), exclusive=False, report=silent, waiting_for=""
            )
            fd = await attempt.enter_async_context(lock)
            if not self._places.is_built(key):  # evicted a moment ago
                return None
            self._places.touch(key)
            stack.push_async_exit(attempt.pop_all())
            return fd

    async def _build(self, plan: Plan, report: Report) -> bool:
        """Build unless another one just did; return whether it was us."""
        if not self._is_swept:
            self._is_swept = True
            await self.sweep()
        lock = locked(
            self._places.build_lock(plan.key),
            exclusive=True,
            report=report,
            waiting_for="rq-agent: another task builds the same environment; waiting for it",
        )
        async with lock:
            if self._places.is_built(plan.key):
                return False
            self._places.root.mkdir(parents=True, exist_ok=True)
            await build(self._places, plan, self._uv, report)
        return True
