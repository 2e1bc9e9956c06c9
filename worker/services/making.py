"""Makes a host: its code on the disk, its environment, its process."""

import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from ...broker.claims import Outcome, Token
from ...broker.errors import BuildError, RqAgentError, SnapshotError, TrustError
from ...broker.keys import TaskId
from ...broker.states import Phase
from .. import endings
from ..endings import Ending
from ..executors.base import Executor, Program
from ..process.handle import Handle
from ..room import is_disk_full
from ..run_folder import remove_what_is_large, within
from .calls import HostPlan, HostTools

_GRACE_S: Final = 5.0
"""When the machine stops a host."""


async def make(
    plan: HostPlan,
    tools: HostTools,
    folder: Path,
    *,
    say: Callable[[str], None],
    enter: Callable[[Phase], None],
    turn: Callable[[], Awaitable[None]],
    until_s: Callable[[], float],
) -> Handle:
    """Start the host of a folder that was made for it; return how to find it again.

    Args:
        plan: how it is made.
        tools: of this worker.
        folder: of this host.
        say: gets lines about long work.
        enter: gets each phase as it begins.
        turn: waits until one more process may start.
        until_s: returns until when it may live, see process/deadline.py; 0: without an end.

    Raises:
        RqAgentError, OSError: it can't be made; `ending_of` says what that means for a call.
    """
    enter(Phase.SNAPSHOT)
    await tools.snapshots.put(plan.definition.code, folder / "tree")
    enter(Phase.ENVIRONMENT)
    executor = executor_of(tools, plan.definition.environment.executor)
    async with executor.prepare(_program(plan, tools, folder), report=say) as start:
        enter(Phase.STARTING)
        await turn()
        return await start(deadline_s=until_s())


def executor_of(tools: HostTools, name: str = "venv") -> Executor:
    """Return the executor that hosts are run by."""
    return tools.executors[name]


async def ending_of(
    error: RqAgentError | OSError, tools: HostTools, folder: Path, task_id: TaskId
) -> Ending:
    """Return how a call ends whose host can't be made.

    Args:
        error: why.
        tools: of this worker.
        folder: of the host; what is large in it is removed where the disk is full.
        task_id: of the call.
    """
    if isinstance(error, TrustError):
        return endings.errored(f"quarantined: {error}", may_retry=False)
    if isinstance(error, BuildError):
        reason = f"environment: {error}"  # the tool's words are in the log
    elif isinstance(error, OSError):
        reason = f"worker {tools.worker}: {endings.machine_words(error, folder)}"
    else:
        reason = str(error)
    if not await _is_for_want_of_room(error, tools):
        return endings.errored(reason)
    await anyio.to_thread.run_sync(remove_what_is_large, folder)
    if await tools.room.refuse(task_id):
        return endings.errored(f"{reason}; the disk of {tools.worker} is too small")
    return Ending(outcome=Outcome.RELEASE, reason=reason)


async def _is_for_want_of_room(error: Exception, tools: HostTools) -> bool:
    if is_disk_full(error):
        return True  # git does not say why it can't write a file
    return isinstance(error, SnapshotError) and await tools.room.is_short()


def _program(plan: HostPlan, tools: HostTools, folder: Path) -> Program:
    tree = folder / "tree"
    definition = plan.definition
    name = TaskId(f"host.{folder.name}")
    return Program(
        token=Token(task_id=name, fence=0, nonce=""),
        folder=folder,
        environment=definition.environment,
        script=tree,
        workdir=within(tree, definition.entry.workdir),
        source_roots=tuple(within(tree, root) for root in definition.environment.source_roots),
        argv=plan.argv,
        variables={**plan.variables, **_own_variables(name), **_overrides(plan, folder)},
        grace_s=_GRACE_S,
        env_writable=plan.env_writable,
        mem_limit_mib=plan.mem_limit_mib or tools.mem_mib,
        host=plan.kind,
    )


def _own_variables(name: TaskId) -> Mapping[str, str]:
    """Return what tells the processes of a host from all others, should its shim be killed."""
    return {"RQ_AGENT_TASK_ID": name, "RQ_AGENT_FENCE": "0"}


def _overrides(plan: HostPlan, folder: Path) -> Mapping[str, str]:
    if not plan.params:
        return {}
    wanted = folder / "wanted.json"
    wanted.write_text(json.dumps(dict(plan.params)), "utf-8")
    return {"RQ_AGENT_PARAMS_FILE": str(wanted)}
