"""What became of light tasks: what ran, against what Redis accepted."""

from collections import Counter
from collections.abc import Sequence

import anyio
import msgspec

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.record import Record
from rq_agent.broker.states import FINAL

from ..integration.worker.lab import Lab
from ..leak_check import check_no_leaks
from .figures import Value
from .replay import all_events
from .service_calls import Calls, Run, run_twice
from .verdict import records_of


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """Of all tasks of a test."""

    records: Sequence[Record]
    """By number."""
    runs: Sequence[Run]
    ended_twice: tuple[TaskId, ...]
    """Their end was accepted more than once."""
    not_run: tuple[TaskId, ...]
    """Accepted as succeeded, with a result of no run that came to its end."""
    given_back: int

    @property
    def lost(self) -> list[str]:
        """Which did not end."""
        return [record.id for record in self.records if not record.is_final]

    @property
    def charged(self) -> list[str]:
        """Which paid with an attempt or a loss for something."""
        return [record.id for record in self.records if record.attempt > 1 or record.lost]

    def states(self) -> Counter[str]:
        """Return how often each end was reached."""
        return Counter(record.state for record in self.records)

    def must_be_clean(self) -> None:
        """Fail unless nothing was lost and nothing was accepted twice."""
        assert self.lost == []
        assert self.ended_twice == ()
        assert self.not_run == ()

    def figures(self) -> dict[str, Value]:
        """Return what each line of figures says."""
        return {
            "tasks": len(self.records),
            "lost": len(self.lost),
            "accepted_twice": len(self.ended_twice),
            "charged": len(self.charged),
            "given_back": self.given_back,
            "runs_twice": run_twice(self.runs),
        }


async def all_ended(lab: Lab, calls: Calls, *, deadline_s: float) -> None:
    """Wait until all tasks have ended."""
    with anyio.move_on_after(deadline_s) as scope:
        while await lab.namespace.redis.zcard(keys.done(lab.namespace.prefix)) < len(calls.ids):
            await anyio.sleep(0.05)
    if scope.cancelled_caught:
        left = [r for r in await records_of(lab.namespace, calls.ids) if not r.is_final]
        states = Counter((r.state, r.phase, r.worker) for r in left)
        raise AssertionError(f"{len(left)} tasks did not end: {states}; the first: {left[:1]}")


async def judged(lab: Lab, calls: Calls) -> Outcome:
    """Compare what ran with what was accepted; all have ended, and events were not trimmed."""
    await check_no_leaks(lab.namespace)
    records = await records_of(lab.namespace, calls.ids)
    runs = calls.runs()
    events = await all_events(lab.namespace)
    ends = Counter(e.task_id for e in events if e.fields.get("state") in FINAL)
    known = {(run.number, run.token) for run in runs if run.ended_s}
    results = await results_of(lab.namespace, calls.ids)
    return Outcome(
        records=records,
        runs=runs,
        ended_twice=tuple(i for i, count in ends.items() if count > 1),
        not_run=tuple(
            record.id
            for number, (record, result) in enumerate(zip(records, results, strict=True))
            if record.state == "succeeded" and result and (number, result) not in known
        ),
        given_back=sum(e.event in ("release", "given_back") for e in events),
    )


async def results_of(ns: Namespace, ids: Sequence[TaskId]) -> list[str]:
    """Return the result of each task, a text; empty: none."""
    found = await ns.redis.mget([keys.result(ns.prefix, task_id) for task_id in ids])
    return [msgspec.json.decode(one) or "" if one else "" for one in found]
