"""What submitters and people do to tasks."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from .base import SHAPES
from .drafting import Placing
from .stage import HOUR_MS, PICK, QUEUE, QUEUES, TIMES, Stage

MOST_LIVE = 60
EDGES = st.lists(st.tuples(st.sampled_from(("ok", "any", "fail")), PICK), max_size=3)
SPEC = st.fixed_dictionaries(
    {
        "queue": QUEUE,
        "shape": st.sampled_from(SHAPES),
        "priority": st.sampled_from((0, 0, 0, 5, -128, 127)),
        "delay_ms": st.sampled_from((0, 0, 0, 0, 1_000, HOUR_MS)),
        "at_ms": st.sampled_from((0, 0, 0, 0, 0, -2 * HOUR_MS, -1_000, 90_000)),
        "queue_timeout_ms": st.sampled_from((0, 0, 0, 30_000, HOUR_MS)),
        "max_lost": st.sampled_from((3, 3, 1, 0)),
        "lease_ms": st.sampled_from((0, 0, 20_000)),
        "key": st.sampled_from(("", "", "k1", "k1", "k2")),
        "key_limit": st.sampled_from((1, 1, 2)),
        "unique": st.sampled_from(("", "", "", "u1", "u2")),
        "replace": st.booleans(),
        "is_draft": st.sampled_from((False,) * 7 + (True,)),
    }
)
PLACING = st.fixed_dictionaries(
    {
        "queue": st.sampled_from(("", "", *QUEUES)),
        "priority": st.sampled_from((None, None, 5)),
        "delay_ms": st.sampled_from((0, 0, 1_000)),
        "at_ms": st.sampled_from((0, 0, 0, -2 * HOUR_MS, 90_000)),
        "drops": st.booleans(),
        "replaces": st.booleans(),
    }
)


class TaskRules(Stage):
    """Adding, moving, cancelling tasks, and making drafts of them."""

    @precondition(lambda self: self.count_live() < MOST_LIVE)
    @rule(drawn=st.lists(st.tuples(SPEC, EDGES), min_size=1, max_size=3), times=TIMES)
    def enqueue(self, drawn: list[tuple[dict[str, Any], list[Any]]], times: int) -> None:
        specs = [self.spec(fields, edges) for fields, edges in drawn]
        for _ in range(times):  # the second time its answer was lost
            self.rig.enqueue(specs)

    @rule(pick=PICK, grace_ms=st.sampled_from((None, 0, 5_000)), times=TIMES)
    def cancel(self, pick: int, grace_ms: int | None, times: int) -> None:
        for _ in range(times):
            self.rig.cancel(self.some(pick, lambda task: not task.is_final), grace_ms)

    @rule(pick=PICK, how=st.sampled_from(("top", "bottom")))
    def move_to_end(self, pick: int, how: str) -> None:
        self.rig.move(self.waiting(pick), how)

    @rule(pick=PICK, steps=st.sampled_from((-1000, -3, -1, 0, 1, 2, 1000)))
    def move_by(self, pick: int, steps: int) -> None:
        self.rig.move(self.waiting(pick), "by", steps)

    @rule(pick=PICK, other=PICK, how=st.sampled_from(("before", "after")))
    def move_beside(self, pick: int, other: int, how: str) -> None:
        self.rig.move(self.waiting(pick), how, self.waiting(other))

    @rule(pick=PICK, priority=st.sampled_from((0, 5, -128, 127)))
    def set_priority(self, pick: int, priority: int) -> None:
        self.rig.move(self.waiting(pick), "priority", priority)

    @rule(pick=PICK, queue=QUEUE)
    def move_to_queue(self, pick: int, queue: str) -> None:
        self.rig.move(self.waiting(pick), "queue", queue)

    @rule(pick=PICK, times=TIMES)
    def dequeue(self, pick: int, times: int) -> None:
        for _ in range(times):
            self.rig.dequeue(self.waiting(pick))

    @rule(pick=PICK, times=TIMES)
    def reset(self, pick: int, times: int) -> None:
        for _ in range(times):
            self.rig.reset(self.ended(pick))

    @rule(pick=PICK, placing=PLACING, times=TIMES)
    def enqueue_draft(self, pick: int, placing: dict[str, Any], times: int) -> None:
        task_id = self.some(pick, lambda task: task.state == "draft")
        for _ in range(times):
            self.rig.enqueue_draft(task_id, Placing(**self.at(placing)))
