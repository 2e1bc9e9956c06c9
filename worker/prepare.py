"""From a claim to something that can be started: verify, unpack, build."""

import json
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import msgspec
import psutil
from msgspec import UNSET

from ..broker.definition import Definition
from ..broker.errors import RqAgentError, TrustError
from ..broker.keys import TaskId
from ..broker.signed_task import SignedTask
from ..broker.states import Phase
from .executors.base import Executor, Program, Start
from .gpus import visible
from .held import Held
from .known import Known, write
from .patience import patiently
from .run_folder import within
from .tools import Tools
from .variables import inherited, of_task

Say = Callable[[str], None]


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A task that only needs to be started, and what the watch over it needs."""

    start: Start
    executor: Executor
    executor_name: str
    signed: SignedTask


class Preparation:
    """Prepares one task. `stack` keeps what must be held until the task ended."""

    def __init__(
        self,
        held: Held,
        tools: Tools,
        folder: Path,
        stack: AsyncExitStack,
        *,
        say: Say,
        enter: Callable[[Phase], None],
    ) -> None:
        self._held = held
        self._claim = held.claim
        self._tools = tools
        self._folder = folder
        self._stack = stack
        self._say = say
        self._enter = enter

    async def prepare(self) -> Prepared:
        """Walk the phases before the start. Each is entered as it begins.

        Raises:
            TrustError: the record must not be run.
            SnapshotError, BuildError, OSError: code or environment can't be made.
            RqAgentError: it is no program.
        """
        signed = await patiently(
            partial(self._tools.keyrings.with_news, self._verify), what="keyring"
        )
        definition = await patiently(
            partial(self._tools.definitions.get, self._claim.definition), what="definition"
        )
        if definition.entry.function is not UNSET:
            raise RqAgentError("it is a call of a function: submit it with --service")
        self._keep(signed, definition)
        self._enter(Phase.SNAPSHOT)
        await self._tools.snapshots.put(definition.code, self._folder / "tree")
        self._enter(Phase.ENVIRONMENT)
        name = definition.environment.executor
        executor = self._tools.executors[name]
        start = await self._stack.enter_async_context(
            executor.prepare(self._program(signed, definition), report=self._say)
        )
        self._enter(Phase.STARTING)
        return Prepared(start=start, executor=executor, executor_name=name, signed=signed)

    async def _verify(self) -> SignedTask:
        claim = self._claim
        if claim.envelope is None:
            raise TrustError("the signed arguments are missing or too large")
        return self._tools.verifier.open(
            claim.envelope,
            namespace=self._tools.namespace,
            task_id=claim.task_id,
            definition=claim.definition,
            queue=claim.queue,
            shape=claim.shape,
            now_s=time.time(),
        )

    def _keep(self, signed: SignedTask, definition: Definition) -> None:
        """Keep what the record could be made anew from, should Redis lose it."""
        held = self._held
        held.known = Known(
            namespace=self._tools.namespace,
            servers=held.servers,
            claim=held.claim,
            need=held.need,
            definition=definition,
            params=dict(signed.params),
        )
        write(self._folder, held.known)

    def _program(self, signed: SignedTask, definition: Definition) -> Program:
        tree = self._folder / "tree"
        roots = definition.environment.source_roots
        return Program(
            token=self._claim,
            folder=self._folder,
            environment=definition.environment,
            script=within(tree, definition.entry.script),
            module=definition.entry.module,
            workdir=within(tree, definition.entry.workdir),
            source_roots=tuple(within(tree, root) for root in roots),
            argv=signed.argv,
            variables=self._variables(signed),
            grace_s=signed.grace_s,
            env_writable=signed.env_writable,
            mem_limit_mib=self._mem_limit_mib(signed),
        )

    def _mem_limit_mib(self, signed: SignedTask) -> float:
        if not signed.mem_limit_mib:
            return 0.0
        machine_mib = psutil.virtual_memory().total / 1024**2
        if signed.mem_limit_mib > machine_mib:
            self._say(
                f"rq-agent: its memory limit of {signed.mem_limit_mib:g} MiB is more than this"
                f" machine has, {machine_mib:.0f} MiB"
            )
        return signed.mem_limit_mib

    def _variables(self, signed: SignedTask) -> dict[str, str]:
        return {
            **inherited(os.environ),
            **visible(self._held.gpus),
            **signed.env,
            **of_task(self._claim, self._tools.config.name),
            **self._overrides(signed),
            "RQ_AGENT_USED_FILE": str(self._folder / "params.json"),
        }

    def _overrides(self, signed: SignedTask) -> dict[str, str]:
        if not signed.params:
            return {}
        wanted = self._folder / "wanted.json"
        wanted.write_text(json.dumps(signed.params), "utf-8")
        return {"RQ_AGENT_PARAMS_FILE": str(wanted)}


def run_folder(tools: Tools, task_id: TaskId, fence: int) -> Path:
    """Return the folder of one attempt."""
    return tools.folder / "tasks" / f"{task_id}.{fence}"
