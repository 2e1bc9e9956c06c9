"""What a ledger and redis say together when a test is over."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import anyio
import msgspec

from rq_agent.broker import keys
from rq_agent.broker.claims import FinishCode, Outcome
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.record import Record

from ..leak_check import check_no_leaks
from .ledger import Ledger, Line

_BATCH: Final = 500
_ACCEPTED: Final = frozenset({FinishCode.APPLIED.value, FinishCode.REPLAY.value})
_NOT_THE_END: Final = frozenset({Outcome.RELEASE.value, Outcome.RETRY.value, "lost"})


class Recovery(msgspec.Struct, frozen=True):
    """A task whose worker was killed."""

    id: str
    after_s: float
    """From the kill until it began anew."""
    losses: int
    """How often its worker was killed, this time included: from the second on it is put off."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What must be empty is a tuple of ids, so that a failed assertion names them."""

    acked: int
    lost: tuple[str, ...]
    """Promised, but not final or not there."""
    double_accepted: tuple[str, ...]
    """Two claims of the task were told that their end counts."""
    stale_accepted: tuple[str, ...]
    """A claim was told that its end counts, but the record is of another claim."""
    heard_lost: int
    """Claims whose worker heard in time that another one holds the task."""
    late: int
    """Ends that were told after another claim of the task had begun."""
    late_accepted: tuple[str, ...]
    fenced: int
    """Ends that were refused since another claim held the task."""
    gone: int
    """Ends of tasks that redis does not know."""
    starts: int
    duplicate_runs: int
    """Starts beyond the first of each task."""
    kills: int
    stops: int
    recoveries: tuple[Recovery, ...]
    span_s: float
    """From the first start to the last end."""

    @property
    def first_recoveries_s(self) -> list[float]:
        """Of tasks that lost their worker for the first time: those go back at once."""
        return [r.after_s for r in self.recoveries if r.losses == 1]

    def must_be_clean(self) -> None:
        """Fail unless nothing was lost and nothing was accepted twice."""
        assert self.lost == ()
        assert self.double_accepted == ()
        assert self.stale_accepted == ()
        assert self.late_accepted == ()


async def settled(ns: Namespace, count: int, *, deadline_s: float) -> None:
    """Wait until so many tasks of the namespace have ended."""
    with anyio.fail_after(deadline_s):
        while await ns.redis.zcard(keys.done(ns.prefix)) < count:
            await anyio.sleep(0.05)


async def judge(ns: Namespace, ledger: Ledger) -> Verdict:
    """Compare what was written with what redis has; the workers have stopped by now."""
    await check_no_leaks(ns)
    lines = ledger.lines()
    acked = ledger.acked()
    records = {record.id: record for record in await records_of(ns, acked)}
    by_kind: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_kind[line.kind].append(line)
    accepted = _accepted(by_kind["told"])
    starts = by_kind["start"]
    late = list(_late(lines))
    times = [line.at for line in (*starts, *by_kind["told"])] or [0.0]
    return Verdict(
        acked=len(acked),
        lost=tuple(i for i in acked if not _is_final(records.get(TaskId(i)))),
        double_accepted=tuple(i for i, tokens in accepted.items() if len(tokens) > 1),
        stale_accepted=tuple(_stale(accepted, records)),
        heard_lost=len(by_kind["lost"]),
        late=len(late),
        late_accepted=tuple(line.id for line in late if line.code in _ACCEPTED),
        fenced=sum(line.code == FinishCode.FENCED for line in by_kind["told"]),
        gone=sum(line.code == FinishCode.GONE for line in by_kind["told"]),
        starts=len(starts),
        duplicate_runs=len(starts) - len({line.id for line in starts}),
        kills=len(by_kind["kill"]),
        stops=len(by_kind["stop"]),
        recoveries=tuple(recoveries(lines)),
        span_s=max(times) - min(times),
    )


async def records_of(ns: Namespace, ids: Sequence[str]) -> list[Record]:
    """Return the records of any number of tasks."""
    found: list[Record] = []
    for n in range(0, len(ids), _BATCH):
        found += await Lookups(ns).records([TaskId(i) for i in ids[n : n + _BATCH]])
    return found


def recoveries(lines: Iterable[Line]) -> list[Recovery]:
    """Return one recovery for each task that a killed worker had begun and not ended. Pure.

    Args:
        lines: in the order of time.
    """
    held: dict[int, set[str]] = defaultdict(set)
    left: dict[str, float] = {}
    losses: Counter[str] = Counter()
    found = []
    for line in lines:
        match line.kind:
            case "start":
                held[line.pid].add(line.id)
                if line.id in left:
                    after_s = line.at - left.pop(line.id)
                    found.append(Recovery(line.id, after_s, losses[line.id]))
            case "told" | "lost":
                held[line.pid].discard(line.id)
            case "kill":
                for task_id in held.pop(line.pid, ()):
                    left[task_id] = line.at
                    losses[task_id] += 1
    return found  # what never began anew had ended: only the answer did not arrive


def _accepted(told: Iterable[Line]) -> dict[str, set[tuple[int, str]]]:
    tokens: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for line in told:
        if line.code in _ACCEPTED and line.outcome not in _NOT_THE_END:
            tokens[line.id].add((line.fence, line.nonce))
    return tokens


def _stale(
    accepted: Mapping[str, set[tuple[int, str]]], records: Mapping[TaskId, Record]
) -> Iterable[str]:
    for task_id, tokens in accepted.items():
        record = records.get(TaskId(task_id))
        if record is not None and any(fence != record.fence for fence, _ in tokens):
            yield task_id


def _late(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the answers to ends that were told after a later claim had begun."""
    begun: dict[str, int] = {}
    late: set[tuple[str, int, str]] = set()
    for line in lines:
        token = (line.id, line.fence, line.nonce)
        if line.kind == "start":
            begun[line.id] = max(line.fence, begun.get(line.id, 0))
        elif line.kind == "end" and begun[line.id] > line.fence:
            late.add(token)
        elif line.kind == "told" and token in late:
            yield line


def _is_final(record: Record | None) -> bool:
    return record is not None and record.is_final
