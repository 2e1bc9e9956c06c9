"""What goes between light tasks and the hosts that run them: plain data, and who listens."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from ...broker.claims import Outcome
from ...broker.definition import Code, Definition
from ...broker.keys import TaskId
from ...broker.states import Phase
from ..executors.base import Executor

Kind = Literal["coroutine", "process"]
SYSTEM_STREAM = "sys"
"""Of lines of ours in the log of a task."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of a function: a light task, as a host sees it."""

    key: str
    """`<task id>.<fence>`: no other attempt has it."""
    target: str
    """What `targets.target_of` returns: `module:function`, `./path/of/script.py:function`."""
    arguments: bytes
    """JSON text `[args, kwargs]`, checked to be that."""
    timeout_s: float = 0.0
    """0: none."""
    grace_s: float = 30.0
    note: str = ""
    """What the next session of the worker must know of the claim; comes back with its end."""
    isolation: int = 0
    """See isolation.py."""
    until_s: float = 0.0
    """It must not run on after this unless that is renewed, on boot_clock; 0: it may. Its plan is
    `alone`."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a call. There is exactly one for each call that was taken."""

    key: str
    outcome: Outcome
    """RELEASE: back into its place, uncharged."""
    exit_code: int | None = None
    reason: str = ""
    result: bytes = b""
    """JSON text; empty: none."""
    note: str = ""
    lasted_ms: int = 0
    """Since its start; 0: it never started, or nobody knows."""
    may_retry: bool = True
    """False: another try would end the same."""
    isolation: int | None = None
    """With how few others it may run next; None: as before."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A part of what a call printed, or a line about it."""

    key: str
    stream: str
    """`out`, `err`, or `sys`: ours."""
    offset: int
    """Where it begins, in bytes of that stream; of `sys` always 0: whoever ships it counts."""
    data: bytes
    after_gap: bool = False
    """Something before it was lost."""


class HostPlan(msgspec.Struct, frozen=True, kw_only=True):
    """How to make a host: the same for all calls with this key. See host_plan.py."""

    key: str
    kind: Kind
    definition: Definition
    """Its code, environment, working directory and source roots; not what is called."""
    argv: tuple[str, ...] = ()
    params: Mapping[str, str] = {}
    variables: Mapping[str, str]
    """All variables, but for those of the environment and of the host itself."""
    most: int
    """Calls at once in one host."""
    alone: bool = False
    """Each call gets a host of its own, that is used once."""
    env_writable: bool = False
    """It may change its environment."""
    mem_limit_mib: float = 0.0
    """Its own; 0: that of all hosts, HostTools.mem_mib."""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A call that an earlier session of the worker made.

    It still runs, or its end was perhaps never told.
    """

    key: str
    note: str
    started_at: float
    """Unix seconds."""


class HostView(msgspec.Struct, frozen=True, kw_only=True):
    """A host as a list shows it."""

    number: int
    kind: Kind
    pid: int
    tasks: int
    rss_mib: float
    lag_ms: float
    started_at: float
    """Unix seconds."""
    newest: tuple[str, ...] = ()
    """The tasks that came last."""


class Listener(Protocol):
    """Hears of calls. No method waits or raises; each hears of many calls at once."""

    def ended(self, ends: Sequence[Ended]) -> None:
        """Calls ended; `settled` is to be called when that is safe in Redis."""
        ...

    def said(self, parts: Sequence[Said]) -> None:
        """Calls printed something. What one printed before its end is told before that."""
        ...

    def placed(self, keys: Sequence[str]) -> None:
        """Calls are in a host: the next session of the worker finds them again."""
        ...

    def entered(self, keys: Sequence[str], phase: Phase) -> None:
        """Calls wait for their host, which takes long: this is what it is at.

        RUNNING comes after others of these; calls that start at once are not told of.
        """
        ...


class Snapshots(Protocol):
    """Puts code on the disk; see worker/snapshots.py."""

    async def put(self, code: Code, tree: Path) -> None:
        """Write the files of a snapshot into a folder that does not exist yet."""
        ...


class DiskRoom(Protocol):
    """Told of what found no room on the disk; see worker/room.py."""

    async def is_short(self) -> bool:
        """Return whether there is so little room that a tool may have failed for it."""
        ...

    async def refuse(self, task_id: TaskId) -> bool:
        """Note that a task found no room; return whether the task itself is too large."""
        ...


class HostTools(msgspec.Struct, frozen=True, kw_only=True):
    """What hosts are made with, wired once by the supervisor."""

    worker: str
    """Its name, for messages."""
    folder: Path
    """The worker's own; hosts get folders below `hosts/` there."""
    snapshots: Snapshots
    executors: Mapping[str, Executor]
    room: DiskRoom
    lag_s: float = 2.0
    """The loop of a host is blocked when it stood still for so long."""
    mem_mib: float = 0.0
    """Of one host; 0: no limit."""
    idle_s: float = 60.0
    """How long a host is kept that runs nothing."""
