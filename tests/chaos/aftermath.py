"""What became of the tasks of a server that came back without its last writes."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import msgspec

from rq_agent.broker.claims import FinishCode
from rq_agent.broker.namespace import Namespace

from .figures import Value
from .ledger import Ledger, Line
from .load import events_of
from .verdict import Verdict, judge

_LATE_ACK_S: Final = 0.2
"""An answer of the old server may be read a little after its death."""
_ACCEPTED: Final = (FinishCode.APPLIED, FinishCode.REPLAY)


class Aftermath(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended for all of them."""

    verdict: Verdict
    running: int
    """Begun and not ended when the server died."""
    ran_on: int
    """Of those: ended by the claim that held them, and never begun again."""
    rolled_back: int
    """Of those: claims that the server had lost, and took back or made anew."""
    vanished: tuple[str, ...]
    """Acked in the lost time, and unknown now: not promised."""
    unknown: tuple[str, ...]
    """Acked before, and not final now: nothing explains it."""

    @property
    def readopted_percent(self) -> float:
        """Of the running ones."""
        return 100 * self.ran_on / self.running

    def must_be_known(self) -> None:
        """Fail unless each task is final, or vanished with the writes that were lost."""
        assert self.unknown == ()
        assert self.verdict.double_accepted == ()
        assert self.verdict.stale_accepted == ()
        assert self.rolled_back > 0, "no claim was lost: the test shows nothing"

    def figures(self) -> dict[str, Value]:
        """Return what the line of the test says."""
        return {
            "tasks": self.verdict.acked,
            "running": self.running,
            "rolled_back": self.rolled_back,
            "readopted_percent": self.readopted_percent,
            "double_accepted": len(self.verdict.double_accepted),
            "vanished_enqueues": len(self.vanished),
            "duplicate_runs": self.verdict.duplicate_runs,
        }


async def look_back(
    ns: Namespace, ledger: Ledger, killed_s: float, *, lost_since: float
) -> Aftermath:
    """Return what became of all tasks, after the last one has ended.

    Args:
        ns: on the server as it is now.
        ledger: of the test.
        killed_s: when the server died, CLOCK_MONOTONIC.
        lost_since: what was written between this time and that one may be gone.
    """
    verdict = await judge(ns, ledger)
    lines = ledger.lines()
    running = running_at(lines, killed_s)
    starts = Counter(line.id for line in lines if line.kind == "start")
    kept = {line.id for line in lines if line.kind == "told" and line.code in _ACCEPTED}
    acked_s = {line.id: line.at for line in lines if line.kind == "acked"}
    taken_back = {e.task_id for n in ("readopted", "recreated") for e in await events_of(ns, n)}
    gone = [i for i in verdict.lost if lost_since <= acked_s[i] <= killed_s + _LATE_ACK_S]
    return Aftermath(
        verdict=verdict,
        running=len(running),
        ran_on=sum(starts[i] == 1 and i in kept for i in running),
        rolled_back=len(running & taken_back),
        vanished=tuple(gone),
        unknown=tuple(set(verdict.lost) - set(gone)),
    )


def running_at(lines: Iterable[Line], at_s: float) -> set[str]:
    """Return the tasks that had begun and not ended at a time. Pure."""
    running: set[str] = set()
    for line in lines:
        if line.at > at_s:
            break
        match line.kind:
            case "start":
                running.add(line.id)
            case "told" | "lost":
                running.discard(line.id)
    return running
