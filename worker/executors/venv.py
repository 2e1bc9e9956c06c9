"""Runs a program in a virtual environment on the machine itself."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from ..environment.cache import Environment, Environments
from ..environment.copy import private_copy
from ..environment.overlay import overlay, read_only_paths
from ..process import stop as stopping
from ..process import wait as waiting
from ..process.handle import Handle
from ..process.launcher import Launcher
from ..process.spec import Spec
from ..process.wait import Exit
from .base import Program, Report, Start


class VenvExecutor:
    """A shared read-only environment below a thin one of the task's own; see base.Executor."""

    def __init__(
        self,
        environments: Environments,
        launcher: Launcher,
        *,
        sdk: Path,
        bootstrap: Path,
        host: Path,
    ) -> None:
        """Take what programs need.

        Args:
            environments: of this machine.
            launcher: starts processes.
            sdk: the folder that holds `rq_agent/`.
            bootstrap: the program that starts scripts.
            host: the program that runs functions.
        """
        self._environments = environments
        self._launcher = launcher
        self._sdk = sdk
        self._bootstrap = bootstrap
        self._host = host

    @asynccontextmanager
    async def prepare(self, program: Program, *, report: Report) -> AsyncIterator[Start]:
        """Find or build the environment; it can't be evicted while the context is open."""
        async with self._environments.use(program.environment, report=report) as shared:
            environment = shared
            if program.env_writable:
                report("rq-agent: copying the environment")
                environment = await private_copy(shared, program.folder / "environment")

            async def start(*, deadline_s: float = 0.0) -> Handle:
                # The shim inherits the lock: it lasts as long as the task, also without us.
                return await self._launcher.start(
                    self._spec(program, environment, deadline_s),
                    program.folder,
                    held=(environment.lock_fd,),
                )

            yield start

    async def wait(self, handle: Handle) -> Exit:
        """Return how a program ended, as soon as it has."""
        return await waiting.wait(handle)

    async def stop(self, handle: Handle, *, grace_s: float) -> None:
        """End a program and all that it started."""
        await stopping.stop(handle, grace_s=grace_s)

    def _spec(self, program: Program, environment: Environment, deadline_s: float) -> Spec:
        thin = overlay(
            environment,
            program.folder / "venv",
            source_roots=program.source_roots,
            sdk=self._sdk,
            path=program.variables.get("PATH"),
        )
        variables: Mapping[str, str] = {**program.variables, **thin.variables}
        return Spec(
            argv=(str(thin.python), "-u", *self._what(program), *program.argv),
            env=dict(variables),
            cwd=str(program.workdir),
            grace_s=program.grace_s,
            mem_limit_mib=program.mem_limit_mib,
            deadline_s=deadline_s,
            read_only=() if program.env_writable else read_only_paths(environment),
            task_id=program.token.task_id,
            fence=program.token.fence,
            nonce=program.token.nonce,
        )

    def _what(self, program: Program) -> tuple[str, ...]:
        """Return the program that Python is to run, with the arguments that are ours."""
        if program.host:
            return str(self._host), str(program.folder), program.host
        named = ("-m", program.module) if program.module else ()
        return str(self._bootstrap), *named, str(program.script)
