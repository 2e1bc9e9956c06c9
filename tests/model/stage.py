"""What all rules of the model share."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from rq_agent.broker.purging import Collected

from .adding import Spec
from .base import SHAPES, Saved
from .crew import Worker, crew
from .ending import Token
from .rig import Rig
from .state import Task

QUEUES = ("q1", "q2", "q3")
HOUR_MS = 3_600_000
PICK = st.integers(0, 255)
"""Which one of what there is just then."""
QUEUE = st.sampled_from(QUEUES)
TIMES = st.sampled_from((1, 1, 2))
"""How often a call is sent: the second time its answer was lost."""


class Stage(RuleBasedStateMachine):
    """One namespace, the model, and what its submitters and workers remember."""

    def __init__(self, rig: Rig, *, check_every: int) -> None:
        super().__init__()
        self.rig = rig
        self._check_every = check_every
        self.steps = 0
        self.ids: list[str] = []
        self.claims: list[Token] = []
        self.saved: Saved | None = None
        self.collected: list[Collected] = []
        self.runs = self.nonces = 0
        self.workers = crew(rig)

    def teardown(self) -> None:
        try:
            self.rig.check()
            self.rig.check_events()
        finally:
            self.rig.close()

    @invariant()
    def agree(self) -> None:
        """After each step, or some steps, Redis and the model hold the same."""
        self.steps += 1
        if self.steps % self._check_every == 0:
            self.rig.check()

    @initialize()
    def begin(self) -> None:
        """One task of each shape: fakeredis answers nil where there are none, Redis a list."""
        self.rig.enqueue([self.spec({"queue": "q1", "shape": shape}, []) for shape in SHAPES])

    def count_live(self) -> int:
        return sum(not task.is_final for task in self.rig.state.tasks.values())

    def settle_one(self, worker: Worker) -> bool:
        worker.hear()
        return worker.has_news and bool(self.ask(worker))

    def ask(self, worker: Worker, *, answers: int = 1, arrives: bool = True) -> list[Token]:
        self.nonces += 1
        tokens = worker.ask(f"n{self.nonces}", answers=answers, arrives=arrives)
        self.claims += tokens
        return tokens

    def finish(self, token: Token, outcome: str, delay_ms: int, times: int) -> None:
        code = self.rig.finish(token, outcome, delay_ms=delay_ms, reason="why")
        for _ in range(times - 1):
            again = self.rig.finish(token, outcome, delay_ms=delay_ms, reason="why")
            assert again == (0 if code == 1 else code), "the same end was taken twice"

    def recent(self, pick: int) -> str:
        """One of the tasks that ever were, the newest first."""
        return self.ids[-1 - pick % len(self.ids)]

    def some(self, pick: int, is_meant: Callable[[Task], bool]) -> str:
        """Mostly one of the tasks that are meant, the newest first; else any other."""
        meant = sorted((t.id for t in self.rig.state.tasks.values() if is_meant(t)), reverse=True)
        if pick % 4 and meant:
            return meant[pick // 4 % len(meant)]
        return self.recent(pick // 4)

    def waiting(self, pick: int) -> str:
        return self.some(pick, lambda task: not task.is_final and task.state != "running")

    def ended(self, pick: int) -> str:
        return self.some(pick, lambda task: task.is_final)

    def at(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Times are drawn as distances from now."""
        at_ms = fields.get("at_ms", 0)
        return {**fields, "at_ms": at_ms and self.rig.now + at_ms}

    def spec(self, fields: dict[str, Any], edges: list[tuple[str, int]]) -> Spec:
        given = self.at(fields)
        parents = {self.recent(pick): condition for condition, pick in edges if self.ids}
        spec = Spec(
            id=f"{len(self.ids):05d}", parents=tuple((c, i) for i, c in parents.items()), **given
        )
        self.ids.append(spec.id)
        return spec
