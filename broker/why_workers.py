"""Which workers could run a task, and why none does. Pure."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from .needs import Free, Need, fits
from .presence import WorkerView
from .spans import span
from .states import TaskState
from .why_facts import Facts, Listener

_LISTED = 3
_SERVICES = 100
"""Light tasks at once of a worker that a hint starts."""


class Reason(msgspec.Struct, frozen=True):
    """One thing that keeps a task from running, or says what comes next."""

    code: str
    """Short and stable: for scripts."""
    text: str
    hint: str = ""
    """What a person can do about it; empty: nothing, or it is clear."""


def reasons_of_workers(facts: Facts) -> Iterator[Reason]:
    """Say why no worker takes the task, by what each has in all; what waits may be taken soon."""
    if facts.need is None:
        yield Reason(
            "need-unreadable",
            "what it needs can't be read, so no worker takes it: a newer version wrote it,"
            " or somebody changed Redis",
            "update the workers, or submit it again",
        )
    elif not facts.workers:
        yield Reason("no-worker", "no worker runs", _start_one(facts.queue, facts.need))
    elif not facts.listeners:
        yield _nobody_listens(facts, facts.need)
    else:
        yield from _of_listeners(facts, facts.need)


def _nobody_listens(facts: Facts, need: Need) -> Reason:
    told = [f"{worker.name} ({', '.join(worker.queues)})" for worker in facts.others[:_LISTED]]
    more = facts.workers - len(told)
    listed = ", ".join(told) + (f" and {more} more" if more > 0 else "")
    able = "worker with --services" if need.light else "worker"
    return Reason(
        "no-listener",
        f"no {able} takes from queue {facts.queue}; there are {listed}",
        _start_one(facts.queue, need),
    )


def _start_one(queue: str, need: Need) -> str:
    services = f"--services {_SERVICES} " if need.light else ""
    return f"rq-agent work {services}--queues {queue}"


def _of_listeners(facts: Facts, need: Need) -> Iterator[Reason]:
    fitting = [found for found in facts.listeners if fits(need, whole(found.worker))]
    taking = [found for found in fitting if not found.rests]
    if need.light and not any(found.worker.services for found in facts.listeners):
        names = [found.worker.name for found in facts.listeners]
        yield Reason(
            "no-services",
            f"it is a light task, and no worker of queue {facts.queue} runs such:"
            f" {', '.join(names[:_LISTED])} started without --services",
            _start_one(facts.queue, need),
        )
    elif not fitting:
        yield Reason(
            "no-fit",
            f"it fits no worker of queue {facts.queue}: {_missing(need, facts.listeners)}",
            "start a larger worker, or submit it again with smaller needs",
        )
    elif not taking:
        yield _all_rest(fitting, facts.now_ms)
    elif facts.state == TaskState.QUEUED and not any(found.is_waiting for found in taking):
        yield from _busy(taking, need)


def _all_rest(fitting: Sequence[Listener], now_ms: int) -> Reason:
    """Say what keeps each of the workers that it fits from taking anything."""
    first, kinds = fitting[0], {found.rests for found in fitting}
    if len(kinds) == 1:
        code, text, hint = _RESTING[first.rests]
        told = [_resting(found, now_ms) for found in fitting[:_LISTED]]
        text = f"the workers that it fits {text}"
    else:
        code, text = "resting", "the workers that it fits take nothing now"
        hint = _RESTING[first.rests][2]
        told = [f"{_resting(f, now_ms)} ({f.rests})" for f in fitting[:_LISTED]]
    more = len(fitting) - len(told)
    listed = ", ".join(told) + (f" and {more} more" if more > 0 else "")
    return Reason(code, f"{text}: {listed}", hint.format(first.worker.name))


_RESTING = {
    "draining": (
        "draining",
        "are draining",
        "rq-agent worker undrain {}, or start another one",
    ),
    "paused": ("worker-paused", "are paused", "rq-agent worker resume {}"),
    "off-hours": (
        "off-hours",
        "are off hours",
        "rq-agent worker resume {} --for 2h, or start another one",
    ),
    "disk-full": (
        "disk-full",
        "have no room left on their disks",
        "free some space on {}, or start another one",
    ),
}


def _resting(found: Listener, now_ms: int) -> str:
    """Return a worker's name, and until when it is off hours."""
    worker = found.worker
    if found.rests != "off-hours" or worker.until is None:
        return worker.name
    moment = datetime.fromtimestamp(worker.until, UTC).strftime("%a %H:%M UTC")
    return f"{worker.name} until {moment} (in {span(int(worker.until * 1000) - now_ms)})"


def _busy(taking: Sequence[Listener], need: Need) -> Iterator[Reason]:
    busy = [found for found in taking if found.running >= _most_beside(found, need)]
    if len(busy) < len(taking):
        return  # one of them has room: it is about to ask
    told = [_load(found, need) for found in busy[:_LISTED]]
    more = len(busy) - len(told)
    listed = ", ".join(told) + (f" and {more} more" if more > 0 else "")
    yield Reason("busy", f"the workers that it fits are busy: {listed}")


def _most_beside(found: Listener, need: Need) -> int:
    """Return how many tasks a worker runs where it surely has no room for one more."""
    return max(1, found.worker.services) if need.light else 1


def _load(found: Listener, need: Need) -> str:
    slots, kind = found.worker.slots, "slots"
    if need.light:
        slots, kind = found.worker.services, "service slots"
    count = f"{found.running} task{'' if found.running == 1 else 's'}"
    return f"{found.worker.name} ({count}" + (f", {slots} {kind})" if slots else ")")


def whole(worker: WorkerView) -> Free:
    """Return what a worker has when nothing runs; what it does not tell is not limited."""
    return Free(
        slots=2**31 if worker.slots is None else worker.slots,
        light=worker.services,
        gpus=len(worker.gpus),
        cpus=float("inf") if worker.cpus is None else worker.cpus,
        mem_mib=float("inf") if worker.mem_mib is None else worker.mem_mib,
    )


def _missing(need: Need, listeners: Sequence[Listener]) -> str:
    """Return what no worker has enough of."""
    frees = [whole(found.worker) for found in listeners]
    asked: list[tuple[float, str, Callable[[Free], float]]] = [
        (need.gpus, "GPUs", lambda free: free.gpus),
        (need.cpus, "CPUs", lambda free: free.cpus),
        (need.mem_mib, "MiB of memory", lambda free: free.mem_mib),
    ]
    lacking = [
        f"it needs {wanted:g} {what}, the largest has {max(map(has, frees)):g}"
        for wanted, what, has in asked
        if wanted > max(map(has, frees))
    ]
    if not need.gpus and not need.light and not any(free.slots > 0 for free in frees):
        lacking.append(
            "they run light tasks only, those of submit --service"
            if any(free.light for free in frees)
            else "they have no slot for tasks without a GPU"
        )
    return "; ".join(lacking) or "each has a part of what it needs, none has all of it"
