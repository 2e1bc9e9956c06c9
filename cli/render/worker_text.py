"""One worker as text: groups of names and values. Pure."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from . import words
from .groups import group, lines
from .screen import printable
from .sub_worker_text import host_line, line
from .times import clock, length, size, weekday

if TYPE_CHECKING:
    from ...broker.presence import WorkerView
    from ...broker.record import Record
    from ...broker.worker_load import GpuLoad
    from ..worker_details import Ended, WorkerDetails

_LISTED: Final = 20
_MIB: Final = 1024**2


def lines_of(details: "WorkerDetails", now_s: float) -> Iterator[str]:
    """Return the lines of `worker show`."""
    worker = details.worker
    yield f"worker {printable(worker.name)}  {state(worker, now_s)}"
    yield from lines(_about(worker, now_s))
    yield from group("hands out", _has(worker))
    yield from group("runs", (_running(record, now_s) for record in details.tasks[:_LISTED]))
    yield from group("hosts", (host_line(host, now_s) for host in worker.hosts[:_LISTED]))
    yield from group(f"sub-workers{_of_all(details)}", (line(each) for each in details.subs))
    yield from group("machine", _machine(worker))
    yield from group(
        f"ended here{_count(details.ended)}", (_ended(e, now_s) for e in details.recent)
    )


def next_steps(details: "WorkerDetails") -> Sequence[str]:
    """Return commands that may be wanted next."""
    name = printable(details.worker.name)
    running = [*(task.id for task in details.tasks), *(each.id for each in details.subs)]
    logs = [f"logs -f {task_id}" for task_id in running[:1]]
    more = [f"worker show {name} --all"] if _hidden(details) else []
    back = {"paused": f"worker resume {name}", "draining": f"worker undrain {name}"}
    return [*more, *logs, back.get(details.worker.state, f"worker drain {name}")]


def state(worker: "WorkerView", now_s: float) -> str:
    """Return a worker's state, until when, and who said so."""
    reason = printable(worker.facts.get("reason", ""))
    if worker.state == "off-hours" and worker.until is not None:
        return f"off-hours until {weekday(worker.until, now_s)}"
    if worker.state == "paused" and reason:
        return f"paused by {reason}"
    if worker.state == "draining" and reason:
        by = printable(worker.facts.get("told_by", ""))
        return f"draining: {reason}" + (f" by {by}" if by else "")
    if worker.state == "disk-full" and reason:
        return reason
    return worker.state


def _about(worker: "WorkerView", now_s: float) -> dict[str, str]:
    place = [worker.host, f"pid {worker.pid}" if worker.pid else "", worker.version]
    started = worker.started_at
    since = "" if started is None else f"{clock(started)}, {length(now_s - started)} ago"
    return {
        "on": ", ".join(part for part in place if part),
        "since": since,
        "last beat": "" if worker.beat_age_s is None else f"{length(worker.beat_age_s)} ago",
        "takes from": f"{', '.join(worker.queues)} ({worker.mode})" if worker.queues else "",
        "hours": _hours(worker, now_s),
        "labels": ", ".join(f"{k}={v}" if v else k for k, v in worker.labels.items()),
    }


def _hours(worker: "WorkerView", now_s: float) -> str:
    if not worker.hours:
        return ""
    zone = worker.facts.get("hours_zone", "")
    until = "" if worker.until is None else weekday(worker.until, now_s)
    now = "closed" if worker.facts.get("hours_open") == "0" else "open"
    return f"{worker.hours} ({zone}); {now}" + (f" until {until}" if until else "")


def _has(worker: "WorkerView") -> dict[str, str]:
    is_shared = worker.services > 0 and worker.slots == worker.services
    return {
        "slots": "" if worker.slots is None or is_shared else str(worker.slots),
        "services": f"{worker.services}{', also for ordinary tasks' if is_shared else ''}"
        if worker.services
        else "",
        "GPUs": ", ".join(worker.gpus) or "none",
        "CPUs": "no limit" if worker.cpus is None else f"{worker.cpus:g}",
        "memory": "no limit" if worker.mem_mib is None else size(worker.mem_mib * _MIB),
    }


def _of_all(details: "WorkerDetails") -> str:
    """Return which of the sub-workers are shown, where it is not all of them."""
    if not (hidden := _hidden(details)):
        return ""
    shown = len(details.subs)
    return f", the newest {shown} of {shown + hidden}"


def _hidden(details: "WorkerDetails") -> int:
    running = len(details.worker.running) if details.worker.services else 0
    return max(0, running - len(details.subs))


def _running(record: "Record", now_s: float) -> tuple[str, str]:
    for_s = "" if record.started_at is None else length(now_s - record.started_at)
    phase = f" ({record.phase})" if record.phase not in (None, "", "running") else ""
    return record.id, f"{for_s:>8}  {record.name}{phase}, from {record.queue}"


def _machine(worker: "WorkerView") -> Iterator[tuple[str, str]]:
    load, taken = worker.load, _taken(worker)
    if load.cpu_percent is not None:
        cores = "" if load.cpu_count is None else f" of {load.cpu_count} cores"
        waiting = "" if load.load1 is None else f", load {load.load1:.2f}"
        yield "CPU", f"{load.cpu_percent:.0f} %{cores}{waiting}"
    yield "memory", _part(load.mem_used_mib, load.mem_total_mib, "used")
    yield "disk", _part(load.disk_free_mib, load.disk_total_mib, "free")
    for gpu in load.gpus:
        yield f"GPU {gpu.index}", _gpu(gpu, taken.get(str(gpu.index)) or taken.get(gpu.uuid) or "")


def _gpu(gpu: "GpuLoad", task_id: str) -> str:
    parts = [
        gpu.name,
        "" if gpu.used_percent is None else f"{gpu.used_percent} %",
        _part(gpu.mem_used_mib, gpu.mem_total_mib, "used"),
        "" if gpu.temperature_c is None else f"{gpu.temperature_c} C",
        "" if gpu.power_w is None else f"{gpu.power_w} W",
        f"task {task_id}" if task_id else "",
    ]
    return ", ".join(part for part in parts if part)


def _taken(worker: "WorkerView") -> dict[str, str]:
    """Return the GPUs that were handed out, and to which task."""
    try:
        return msgspec.json.decode(worker.facts.get("gpu_tasks", "{}"), type=dict[str, str])
    except msgspec.DecodeError:
        return {}


def _part(some_mib: int | None, all_mib: int | None, what: str) -> str:
    if some_mib is None or all_mib is None:
        return ""
    return f"{size(some_mib * _MIB)} of {size(all_mib * _MIB)} {what}"


def _ended(ended: "Ended", now_s: float) -> tuple[str, str]:
    return ended.id, f"{words.event(ended.outcome)} {length(now_s - ended.at_ms / 1000)} ago"


def _count(ended: int | None) -> str:
    return "" if ended is None else f", {ended} in this session; the last"
