"""The usual life of a namespace: most of what happens, in any order."""

from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .base import SHAPES
from .stage import PICK, QUEUES
from .task_rules import MOST_LIVE, TaskRules
from .time_rules import TimeRules
from .worker_rules import ENDS, WorkerRules

_USUAL = (
    *("add",) * 4,
    *("ask",) * 4,
    *("end",) * 5,
    *("renew",) * 2,
    *("wait", "tick", "open"),
)
TODO = st.lists(st.tuples(st.sampled_from(_USUAL), PICK, PICK), min_size=2, max_size=8)


class LifeRules(TaskRules, WorkerRules, TimeRules):
    """Several usual steps at once.

    Rules are drawn alike, and hypothesis leaves some out of each life. So the usual steps have a
    rule of their own under several names: without them nothing else would find much to do.
    """

    @rule(todo=TODO)
    def live(self, todo: list[tuple[str, int, int]]) -> None:
        for what, a, b in todo:
            self.steps += 1
            self._usual[what](self, a, b)

    @rule(todo=TODO)
    def live_on(self, todo: list[tuple[str, int, int]]) -> None:
        self.live(todo)

    @rule(todo=TODO)
    def go_on(self, todo: list[tuple[str, int, int]]) -> None:
        self.live(todo)

    @rule(todo=TODO)
    def work(self, todo: list[tuple[str, int, int]]) -> None:
        self.live(todo)

    @rule(todo=TODO)
    def forget(self, todo: list[tuple[str, int, int]]) -> None:
        """Redis comes back without what was added and claimed just now."""
        self.save()
        self.live(todo)
        for worker in self.workers:
            self.ask(worker)
        self.roll_back()

    def _add(self, a: int, b: int) -> None:
        if self.count_live() < MOST_LIVE:
            fields = {
                "queue": QUEUES[a % 3],
                "shape": SHAPES[a // 3 % 2],
                "key": ("", "", "k1", "k2")[a // 6 % 4],
                "priority": (0, 0, 5)[a // 24 % 3],
                "queue_timeout_ms": (0, 0, 30_000)[a // 72 % 3],
            }
            edges = [(("ok", "any", "fail")[b // 4 % 3], b // 12)] if b % 4 == 1 else []
            self.rig.enqueue([self.spec(fields, edges)])

    def _ask(self, a: int, b: int) -> None:
        worker = self.workers[a % len(self.workers)]
        if worker.drains and b % 4 == 0:
            self.drain(a % len(self.workers))
        if worker.is_paused and b % 4 < 2:
            self.pause_a_worker(a % len(self.workers))
        if worker.is_off and b % 3:
            self.change_hours(a % len(self.workers))
        self.ask(worker)

    def _end(self, a: int, b: int) -> None:
        busy = [n for n, worker in enumerate(self.workers) if worker.held]
        if busy:
            outcome = "succeeded" if b % 2 else ENDS[b // 2 % len(ENDS)]
            self.end(busy[a % len(busy)], a, outcome, (0, 5_000)[b // 32 % 2], 1 + b // 64 % 2)

    def _renew(self, a: int, b: int) -> None:
        self.beat(a % len(self.workers), 1)

    def _wait(self, a: int, b: int) -> None:
        self.pass_time((1_000, 5_000)[a % 2])

    def _tick(self, a: int, b: int) -> None:
        self.tick(500, 1)

    def _open(self, a: int, b: int) -> None:
        self.rig.resume(QUEUES[a % 3])
        if b % 2:
            self.rig.limit(QUEUES[a % 3], None)

    _usual: ClassVar = {
        "add": _add,
        "ask": _ask,
        "end": _end,
        "renew": _renew,
        "wait": _wait,
        "tick": _tick,
        "open": _open,
    }
