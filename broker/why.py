"""Why a task waits: the facts that a claim goes by, as reasons. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

import msgspec

from .keys import TaskId
from .spans import span
from .states import FINAL, TaskState
from .why_facts import Facts
from .why_workers import Reason, reasons_of_workers

_LISTED = 3
_TOLD = 8
_WENT_WRONG = frozenset({"failed", "errored", "timed_out", "dead"})


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """One task, and what keeps it from running."""

    id: TaskId
    state: str
    queue: str
    position: int | None
    """Place in its queue from 1 while queued, else None."""
    reasons: tuple[Reason, ...]
    """The most important first; never empty."""


def explain(facts: Facts) -> Why:
    """Return why a task waits, or that it does not."""
    is_queued = facts.state == TaskState.QUEUED and facts.is_placed
    return Why(
        id=facts.id,
        state=facts.state,
        queue=facts.queue,
        position=facts.ahead + 1 if is_queued else None,
        reasons=tuple(_reasons(facts)),
    )


def _reasons(facts: Facts) -> Iterator[Reason]:
    if facts.state in FINAL:
        why = f": {facts.reason}" if facts.reason else ""
        logs = f"rq-agent logs {facts.id}" if facts.state in _WENT_WRONG else ""
        yield Reason("final", f"it ended: {facts.state.replace('_', ' ')}{why}", logs)
        if facts.losses:
            yield _losses(facts)
    elif facts.state == TaskState.RUNNING:
        yield from _running(facts)
    elif facts.state == TaskState.DRAFT:
        yield Reason("draft", "it is a draft", f"rq-agent enqueue {facts.id}")
    elif facts.state == TaskState.WAITING:
        yield from chain(_parents(facts), _queue(facts), reasons_of_workers(facts))
    elif facts.state == TaskState.DELAYED:
        yield from chain(_delayed(facts), _queue(facts), reasons_of_workers(facts))
    elif facts.state == TaskState.BLOCKED:
        yield from chain(_key(facts), _queue(facts), reasons_of_workers(facts))
    elif facts.state == TaskState.QUEUED:
        yield from _queued(facts)
    else:
        yield Reason("unknown-state", f"its record says {facts.state!r}, which is no state of ours")


def _losses(facts: Facts) -> Reason:
    told = [f"by {step.detail or '?'} ({_moment(step.at)})" for step in facts.losses[-_TOLD:]]
    return Reason(
        "lost",
        f"it was lost {', '.join(told)}: it kills its workers, or their machines fail",
        f"rq-agent show {facts.id} tells all of each run; rq-agent rerun {facts.id} tries it anew",
    )


def _running(facts: Facts) -> Iterator[Reason]:
    since = "" if facts.started_ms is None else f" for {span(facts.now_ms - facts.started_ms)}"
    phase = f" ({facts.phase})" if facts.phase not in ("", "running") else ""
    yield Reason("running", f"it does not wait: it has run on {facts.worker}{since}{phase}")
    if facts.is_cancelled:
        yield Reason("stopping", "it was asked to stop; its worker ends it")
    if facts.hanging_ms is not None:
        still = span(facts.now_ms - facts.hanging_ms)
        yield Reason(
            "hanging",
            f"it shows no sign of life: no output, no CPU or GPU use for {still};"
            " its worker wrote its stacks into its log",
            f"rq-agent logs {facts.id}, then rq-agent cancel {facts.id} if it is stuck",
        )
    if facts.lease_ms is None or facts.lease_ms < facts.now_ms:
        yield Reason(
            "silent",
            f"its worker {facts.worker} has not been heard of for a whole lease",
            "unless it comes back, the next tick of any worker puts the task back into its place",
        )


def _queued(facts: Facts) -> Iterator[Reason]:
    if not facts.is_placed:
        yield Reason(
            "not-placed",
            "its record says that it is queued, but it stands in no line: somebody changed Redis",
            f"rq-agent cancel {facts.id}, then submit it again",
        )
        return
    key = () if facts.key_has_room else _key(facts)
    obstacles = [*key, *_queue(facts), *reasons_of_workers(facts)]
    yield from obstacles
    yield _place(facts, is_free=not obstacles)
    if facts.expires_ms is not None:
        yield Reason(
            "expires", f"unless it is claimed before, it expires {_when(facts, facts.expires_ms)}"
        )


def _place(facts: Facts, *, is_free: bool) -> Reason:
    if facts.ahead:
        before = _list([str(i) for i in facts.next], facts.ahead)
        place = f"it is number {facts.ahead + 1} of queue {facts.queue}, behind {before}"
        return Reason("position", place)
    if is_free and any(listener.is_waiting for listener in facts.listeners):
        return Reason("next", "it is the next one, and a worker is about to take it")
    return Reason("position", f"it is the next one of queue {facts.queue}")


def _parents(facts: Facts) -> Iterator[Reason]:
    if not facts.unmet:
        yield Reason("parents-met", "all its parents ended: it goes on at once")
        return
    told = [f"{p.id} ({p.state or 'gone'}{_WANTED.get(p.condition, '')})" for p in facts.parents]
    count = "1 task" if facts.unmet == 1 else f"{facts.unmet} tasks"
    first = f"see what the first one waits for: rq-agent why {facts.parents[0].id}" if told else ""
    yield Reason("parents", f"it waits for {count}: {_list(told, facts.unmet)}", first)
    if facts.due_ms is not None and facts.due_ms > facts.now_ms:
        yield Reason("delayed", f"and not before its time {_when(facts, facts.due_ms)}")


_WANTED = {"any": ", to end", "fail": ", to fail"}


def _delayed(facts: Facts) -> Iterator[Reason]:
    cause = ""
    if facts.attempt > 1:
        cause = f", before attempt {facts.attempt}"
    elif facts.lost:
        cause = (
            f", after its worker was lost {'once' if facts.lost == 1 else f'{facts.lost} times'}"
        )
    if facts.due_ms is None:
        yield Reason(
            "not-placed",
            "its record says that it is delayed, but no time is kept for it: somebody changed Redis",
            f"rq-agent cancel {facts.id}, then submit it again",
        )
    elif facts.due_ms > facts.now_ms:
        yield Reason("delayed", f"it is delayed{cause}: due {_when(facts, facts.due_ms)}")
    else:
        yield Reason(
            "due", f"its time has come{cause}; it gets into line within a second of a live worker"
        )


def _key(facts: Facts) -> Iterator[Reason]:
    if facts.key_has_room:
        yield Reason("key-free", f"its concurrency key {facts.key!r} is free again: it comes back")
        return
    held = _list([str(i) for i in facts.holders], facts.key_holders)
    ahead = f"; {facts.parked_ahead} more wait before it" if facts.parked_ahead else ""
    yield Reason(
        "key-full",
        f"its concurrency key {facts.key!r} lets {facts.key_limit} run at a time:"
        f" now {held}{ahead}",
    )


def _queue(facts: Facts) -> Iterator[Reason]:
    """Say what holds back the whole queue."""
    if facts.is_paused:
        name = facts.queue
        yield Reason("paused", f"queue {name} is paused", f"rq-agent queue resume {name}")
    if facts.held_until_ms:
        yield Reason(
            "held",
            "Redis has restarted: no claims until its workers have said what they run,"
            f" {_when(facts, facts.held_until_ms)}",
        )
    if facts.state == TaskState.QUEUED and not facts.has_room and not facts.is_paused:
        yield Reason(
            "queue-full",
            f"queue {facts.queue} runs {facts.running} tasks and may run {facts.max_running}",
            f"wait for one of them, or raise it: rq-agent queue limit {facts.queue} N",
        )


def _list(names: list[str], count: int) -> str:
    """Return the first names, and how many more there are of `count`."""
    shown = names[:_LISTED]
    more = count - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _when(facts: Facts, at_ms: int) -> str:
    return f"in {span(at_ms - facts.now_ms)} ({_moment(at_ms / 1000)})"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
