"""What a worker tells of itself with each beat, for people and pages: the hash `wk:<worker>`.

All values are text; lists and maps are JSON; what is not known is empty.

host, place, pid, version   where it runs; `place` tells folders of one name apart
started_ms                  when this session began
queues, mode                list; priority, round-robin or weighted
slots, gpus, cpus, mem_mib  what it hands out; cpus and mem_mib empty: no limit
services                    how many light tasks at once; ordinary ones may share their places: see slots
state                       idle, busy, draining, paused, off-hours or disk-full
reason                      why it drains; who paused it; how full its disk is
told_by                     who told it to leave
hours, hours_zone           when it takes tasks, as a person wrote it
hours_open                  1 within its hours, 0 outside, empty without hours
until_ms                    when its hours end, or begin again
watchdog_s                  after how long without a sign of life a task hangs; 0: never told
hanging                     list of tasks that hang
spool_limit_bytes           how much of the output of a task stays on its disk
labels                      map
services                    how many light tasks it runs at once; 0: none
hosts                       list of what calls.HostView has: the processes of its light tasks
sub_mem                     map: light task that has processes of its own -> MiB; at most 100
gpu_tasks                   map: GPU -> task that has it
ended                       how many tasks ended here in this session
recent                      list of {id, outcome, at_ms}: those that ended last, the newest first
cpu_percent, cpu_count, load1, mem_used_mib, mem_total_mib, disk_free_mib, disk_total_mib, gpu_load
                            the machine; see broker/worker_load.py
Scripts add: beat_ms, parked, woken, claim_nonce, renewed, beat_ended, beat_ended_before.
"""

import json
import math
import os
import platform
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from .. import __version__
from ..broker.keys import TaskId
from ..broker.worker_labels import merged
from ..broker.worker_load import facts_of
from .config import WorkerConfig
from .held import Held, HeldTasks
from .naming import PLACE
from .services.calls import HostView
from .signals import Signals
from .telemetry import Telemetry

_RECENT: Final = 5
_MOST_HOSTS: Final = 100


class Facts:
    """Gathers them. What it tells is in memory already: a beat must not wait."""

    def __init__(
        self, config: WorkerConfig, tasks: HeldTasks, signals: Signals, telemetry: Telemetry
    ) -> None:
        self._config = config
        self._tasks = tasks
        self._signals = signals
        self._telemetry = telemetry
        self._started_ms = _now_ms()
        self._recent: deque[dict[str, object]] = deque(maxlen=_RECENT)
        self.ended = 0
        """How many tasks ended here."""
        self.place = ""
        self.views: Callable[[], Sequence[HostView]] = tuple
        self.sub_memory: Callable[[], Mapping[TaskId, int]] = dict
        """MiB that light tasks take that have processes of their own."""
        self.unshipped_bytes: Callable[[], int] = int
        """How much output of light tasks Redis does not have yet."""

    def note_end(self, held: Held) -> None:
        """Count a task that ended."""
        self.note_ends([held])

    def note_ends(self, tasks: Sequence[Held]) -> None:
        """Count tasks that ended, the latest last."""
        self.ended += len(tasks)
        for held in [held for held in tasks if held.outcome][-_RECENT:]:
            task: dict[str, object] = {
                "id": held.claim.task_id,
                "outcome": held.outcome,
                "at_ms": _now_ms(),
            }
            self._recent.appendleft(task)

    def gather(self) -> dict[str, str]:
        """Return all of them."""
        signals = self._signals
        change = signals.hours_change_at
        paused_by = signals.paused_by if signals.is_paused else ""
        reason = signals.draining or paused_by or signals.no_room
        return {
            **self._fixed(),
            "state": signals.state or ("busy" if len(self._tasks) else "idle"),
            "reason": reason,
            "told_by": signals.told_by,
            "hours_open": "" if self._config.hours is None else str(int(signals.opens_at is None)),
            "until_ms": "" if change is None else str(int(change.timestamp() * 1000)),
            "labels": json.dumps(merged(self._config.labels, signals.label_changes)),
            "gpu_tasks": json.dumps(
                {g: held.claim.task_id for held in self._tasks for g in held.gpus}
            ),
            "hosts": msgspec.json.encode(self.views()[:_MOST_HOSTS]).decode(),
            "sub_mem": json.dumps(self.sub_memory()),
            "hanging": json.dumps([held.claim.task_id for held in self._tasks if held.is_hanging]),
            "ended": str(self.ended),
            "recent": json.dumps(list(self._recent)),
            **facts_of(self._telemetry.latest()),
        }

    def _fixed(self) -> dict[str, str]:
        config = self._config
        return {
            "host": platform.node(),
            PLACE: self.place,
            "pid": str(os.getpid()),
            "version": __version__,
            "queues": json.dumps(config.order.queues),
            "mode": config.order.mode,
            "slots": str(config.services if config.services_shared else config.slots),
            "services": str(config.services),
            "gpus": json.dumps(config.gpus),
            "cpus": "" if math.isinf(config.cpus) else f"{config.cpus:g}",
            "mem_mib": "" if math.isinf(config.mem_mib) else f"{config.mem_mib:.0f}",
            "watchdog_s": f"{config.watchdog_s:g}",
            "spool_limit_bytes": str(config.spool_limit_bytes),
            "hours": config.hours.text if config.hours else "",
            "hours_zone": config.hours.zone if config.hours else "",
            "started_ms": str(self._started_ms),
        }


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
