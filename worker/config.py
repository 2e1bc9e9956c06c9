"""What a worker is told at start. Parsed and checked by cli/, plain data below it."""

from typing import Annotated, Literal

import msgspec

from ..broker.home import Home
from ..broker.keys import NAME_PATTERN
from ..broker.orders import Order
from .hours import Hours

Name = Annotated[str, msgspec.Meta(pattern=rf"\A{NAME_PATTERN.pattern}\Z")]


class WorkerConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `rq-agent work`."""

    name: Name
    order: Order
    home: Home
    slots: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 1
    """Ordinary tasks without a GPU that may run at once."""
    services: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 0
    """Light tasks that may run at once."""
    services_shared: bool = False
    """Whether ordinary tasks without a GPU take a place of a light task; `slots` is then 0."""
    host_lag_s: Annotated[float, msgspec.Meta(gt=0)] = 2.0
    """The loop of a host of light tasks is blocked when it stood still for so long."""
    host_mem_mib: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How much memory one host of light tasks may take; 0: no limit."""
    host_idle_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """How long a host that runs nothing is kept."""
    gpus: tuple[str, ...] = ()
    """Indices or UUIDs to hand out, one task each."""
    cpus: Annotated[float, msgspec.Meta(gt=0)] = float("inf")
    mem_mib: Annotated[float, msgspec.Meta(gt=0)] = float("inf")
    labels: dict[str, str] = {}
    """What it is started with; more may be given to it from afar."""
    hours: Hours | None = None
    """When it takes tasks; None: always."""
    hours_end: Literal["finish", "give-back"] = "finish"
    """What becomes of tasks that still run when the hours end."""
    lease_ms: Annotated[int, msgspec.Meta(ge=3_000)] = 60_000
    """How long the worker may be silent before another one gets its tasks."""
    beat_ms: Annotated[int, msgspec.Meta(ge=200)] = 5_000
    max_tasks: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Claim no more than this many tasks, then drain; 0: no limit."""
    idle_timeout_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """Stop after this long without a task; 0: never."""
    strict: bool = False
    """Don't start on a server that there is a warning about."""
    once: bool = False
    """Stop as soon as no task is ready and none runs."""
    keep_runs_s: Annotated[float, msgspec.Meta(ge=0)] = 7 * 86_400.0
    """How long the whole logs of finished tasks stay on this machine."""
    watchdog_s: Annotated[float, msgspec.Meta(ge=0)] = 30 * 60.0
    """A task that shows no sign of life for so long is told to hang; 0: never."""
    spool_limit_bytes: Annotated[int, msgspec.Meta(ge=4 * 1024**2)] = 1024**3
    """Of the output of a task that stays on this machine's disk, the newest."""
    environments_bytes: Annotated[int, msgspec.Meta(ge=0)] = 50 * 1024**3
    """Evict the least recently used environments above this."""
