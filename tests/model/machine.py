"""Submitters, workers and mishaps in any order; after each step Redis and the model agree."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from rq_agent.broker.purging import Collected

from .adding import Spec
from .base import LEASE_MS, SHAPES, Saved
from .crew import Worker, crew
from .drafting import Placing
from .ending import Token
from .rig import Rig

QUEUES = ("q1", "q2", "q3")
ENDS = (*("succeeded",) * 4, "failed", "errored", "timed_out", "cancelled", "retry", "release")
_MOST_LIVE = 60
_HOUR_MS = 3_600_000

PICK = st.integers(0, 255)
WORKER = st.integers(0, 5)
QUEUE = st.sampled_from(QUEUES)
TWICE = st.sampled_from((1, 1, 2))
STEPS_MS = (1, 1_000, 5_000, 25_000, LEASE_MS, _HOUR_MS, 31 * 24 * _HOUR_MS, -1_000, -2 * _HOUR_MS)
DELAY = st.sampled_from((0, 0, 5_000, _HOUR_MS))
EDGES = st.lists(st.tuples(st.sampled_from(("ok", "any", "fail")), PICK), max_size=3)
SPEC = st.fixed_dictionaries(
    {
        "queue": QUEUE,
        "shape": st.sampled_from(SHAPES),
        "priority": st.sampled_from((0, 0, 0, 5, -128, 127)),
        "delay_ms": st.sampled_from((0, 0, 0, 0, 1_000, _HOUR_MS)),
        "at_ms": st.sampled_from((0, 0, 0, 0, 0, -2 * _HOUR_MS, -1_000, 90_000)),
        "queue_timeout_ms": st.sampled_from((0, 0, 0, 30_000, _HOUR_MS)),
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
        "at_ms": st.sampled_from((0, 0, 0, -2 * _HOUR_MS, 90_000)),
        "drops": st.booleans(),
        "replaces": st.booleans(),
    }
)


class QueueMachine(RuleBasedStateMachine):
    """The rules. Arguments are small numbers: which one of what there is just then."""

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

    @initialize()
    def begin(self) -> None:
        """One task of each shape: fakeredis answers nil where there are none, Redis a list."""
        self.rig.enqueue([self._spec({"queue": "q1", "shape": shape}, []) for shape in SHAPES])

    # What a submitter does.

    @precondition(lambda self: self.live < _MOST_LIVE)
    @rule(drawn=st.lists(st.tuples(SPEC, EDGES), min_size=1, max_size=3), times=TWICE)
    def enqueue(self, drawn: list[tuple[dict[str, Any], list[Any]]], times: int) -> None:
        specs = [self._spec(fields, edges) for fields, edges in drawn]
        for _ in range(times):  # the second time its answer was lost
            self.rig.enqueue(specs)
        self.check()

    @rule(pick=PICK, grace_ms=st.sampled_from((None, 0, 5_000)), times=TWICE)
    def cancel(self, pick: int, grace_ms: int | None, times: int) -> None:
        for _ in range(times):
            self.rig.cancel(self._recent(pick), grace_ms)
        self.check()

    @rule(pick=PICK, how=st.sampled_from(("top", "bottom")))
    def move_to_end(self, pick: int, how: str) -> None:
        self.rig.move(self._recent(pick), how)
        self.check()

    @rule(pick=PICK, steps=st.sampled_from((-1000, -3, -1, 0, 1, 2, 1000)))
    def move_by(self, pick: int, steps: int) -> None:
        self.rig.move(self._recent(pick), "by", steps)
        self.check()

    @rule(pick=PICK, other=PICK, how=st.sampled_from(("before", "after")))
    def move_beside(self, pick: int, other: int, how: str) -> None:
        self.rig.move(self._recent(pick), how, self._recent(other))
        self.check()

    @rule(pick=PICK, priority=st.sampled_from((0, 5, -128, 127)))
    def set_priority(self, pick: int, priority: int) -> None:
        self.rig.move(self._recent(pick), "priority", priority)
        self.check()

    @rule(pick=PICK, queue=QUEUE)
    def move_to_queue(self, pick: int, queue: str) -> None:
        self.rig.move(self._recent(pick), "queue", queue)
        self.check()

    @rule(pick=PICK, times=TWICE)
    def dequeue(self, pick: int, times: int) -> None:
        for _ in range(times):
            self.rig.dequeue(self._recent(pick))
        self.check()

    @rule(pick=PICK, times=TWICE)
    def reset(self, pick: int, times: int) -> None:
        for _ in range(times):
            self.rig.reset(self._recent(pick))
        self.check()

    @rule(pick=PICK, placing=PLACING, times=TWICE)
    def enqueue_draft(self, pick: int, placing: dict[str, Any], times: int) -> None:
        drafts = [t.id for t in self.rig.state.tasks.values() if t.state == "draft"]
        task_id = drafts[pick % len(drafts)] if drafts else self._recent(pick)
        for _ in range(times):
            self.rig.enqueue_draft(task_id, Placing(**self._at(placing)))
        self.check()

    # What the owner of a queue does.

    @rule(queue=QUEUE, times=TWICE)
    def pause(self, queue: str, times: int) -> None:
        for _ in range(times):
            self.rig.pause(queue)
        self.check()

    @rule(queue=QUEUE, times=TWICE)
    def resume(self, queue: str, times: int) -> None:
        for _ in range(times):
            self.rig.resume(queue)
        self.check()

    @rule(queue=QUEUE, most=st.sampled_from((None, None, 0, 1, 2, 5)))
    def limit(self, queue: str, most: int | None) -> None:
        self.rig.limit(queue, most)
        self.check()

    @rule(queue=QUEUE, weight=st.sampled_from((1.0, 1.0, 2.0, 0.5, 3.0)))
    def weigh(self, queue: str, weight: float) -> None:
        self.rig.weigh(queue, weight)
        self.check()

    @rule(queue=QUEUE)
    def empty_queue(self, queue: str) -> None:
        self.rig.purge_queue(queue)
        self.check()

    @rule(queue=QUEUE)
    def delete_queue(self, queue: str) -> None:
        self.rig.delete_queue(queue)
        self.check()

    # What the archiver does.

    @rule(pick=PICK)
    def archive(self, pick: int) -> None:
        self.rig.archive(self._recent(pick))
        self.check()

    @rule(limit=st.sampled_from((1, 100)))
    def collect(self, limit: int) -> None:
        self.collected = self.rig.collect(limit)
        self.check()

    @rule()
    def note_archived(self) -> None:
        """Now or later, and maybe twice."""
        self.rig.note_archived(self.collected)
        self.check()

    @rule(limit=st.sampled_from((1, 100)))
    def purge(self, limit: int) -> None:
        self.rig.purge(limit)
        self.check()

    # What a worker does.

    @rule(n=WORKER)
    def claim(self, n: int) -> None:
        self._ask(self.workers[n])
        self.check()

    @rule(n=WORKER, answers=st.sampled_from((1, 2)), arrives=st.booleans())
    def lose_an_answer(self, n: int, answers: int, arrives: bool) -> None:
        """The answer did not arrive; the worker asks again, or never hears of its tasks."""
        self._ask(self.workers[n], answers=answers, arrives=arrives)
        self.check()

    @rule(n=WORKER)
    def ask_again(self, n: int) -> None:
        worker = self.workers[n]
        if worker.lost_nonce:
            self.claims += worker.ask(worker.lost_nonce)
        self.check()

    @rule(n=WORKER, pick=PICK, outcome=st.sampled_from(ENDS), delay_ms=DELAY, times=TWICE)
    def end(self, n: int, pick: int, outcome: str, delay_ms: int, times: int) -> None:
        worker = self.workers[n]
        if worker.held:
            token = worker.held.pop(pick % len(worker.held))
            worker.has_news = True
            self._finish(token, outcome, delay_ms, times)
        self.check()

    @rule(pick=PICK, outcome=st.sampled_from(ENDS), delay_ms=DELAY)
    def end_again(self, pick: int, outcome: str, delay_ms: int) -> None:
        """The end of a claim of long ago, or of one that is just being worked on."""
        if self.claims:
            self._finish(self.claims[-1 - pick % len(self.claims)], outcome, delay_ms, 1)
        self.check()

    @rule(n=WORKER, times=TWICE)
    def beat(self, n: int, times: int) -> None:
        self.workers[n].beat(times=times)
        self.check()

    @rule(n=WORKER)
    def die(self, n: int) -> None:
        self.workers[n].restart()
        self.check()

    @rule(n=WORKER)
    def reattach(self, n: int) -> None:
        """A worker that died finds its processes alive, and goes on with them."""
        worker = self.workers[n]
        worker.held += [t for t in worker.left_behind if t not in worker.held]
        worker.left_behind = []
        self.check()

    @rule(n=WORKER)
    def drain(self, n: int) -> None:
        worker = self.workers[n]
        verb = self.rig.undrain if worker.drains else self.rig.drain
        if verb(worker.name):
            worker.drains = not worker.drains
            worker.has_news = True
        self.check()

    @rule(n=WORKER)
    def leave(self, n: int) -> None:
        """One that holds nothing stops, and comes back later."""
        worker = self.workers[n]
        if not worker.held and not self.rig.state.held(worker.name):
            self.rig.leave(worker.name)
            worker.restart()
        self.check()

    # What time and mishaps do.

    @rule(ms=st.sampled_from(STEPS_MS))
    def pass_time(self, ms: int) -> None:
        """The clock goes on, leaps, or is set back."""
        self.rig.set_time(self.rig.now + ms)
        self.check()

    @rule(limit=st.sampled_from((500, 500, 2)), times=TWICE)
    def tick(self, limit: int, times: int) -> None:
        for _ in range(times):
            self.rig.tick(limit)
        self.check()

    @rule()
    def wait_for_losses(self) -> None:
        """Nobody renews for longer than a lease, while somebody ticks."""
        for _ in range(4):
            self.rig.set_time(self.rig.now + LEASE_MS // 3)
            self.rig.tick(500)
        self.check()

    @rule()
    def save(self) -> None:
        self.saved = self.rig.save()

    @precondition(lambda self: self.saved is not None)
    @rule()
    def roll_back(self) -> None:
        """The server died and comes back as it was saved; all connections broke."""
        assert self.saved is not None
        self.rig.roll_back(self.saved)
        self.restart_redis()

    @rule()
    def restart_redis(self) -> None:
        self.runs += 1
        for _ in self.workers[:2]:
            self.rig.hello(f"run{self.runs}")
        for worker in self.workers:
            worker.has_news = True
        self.check()

    @rule()
    def settle(self) -> None:
        """Let all who heard something claim what they can: nobody sleeps beside a task."""
        while sum(self._settle_one(worker) for worker in self.workers):
            pass
        idle = self.rig.read()
        for worker in self.workers:
            if worker.sleeps(idle):
                found = worker.could_claim()
                assert not found, f"{worker.name} sleeps, {found} waits"
        self.check()

    # Helpers.

    @property
    def live(self) -> int:
        return sum(not task.is_final for task in self.rig.state.tasks.values())

    def check(self) -> None:
        self.steps += 1
        if self.steps % self._check_every == 0:
            self.rig.check()

    def _settle_one(self, worker: Worker) -> bool:
        worker.hear()
        return worker.has_news and bool(self._ask(worker))

    def _ask(self, worker: Worker, *, answers: int = 1, arrives: bool = True) -> list[Token]:
        self.nonces += 1
        tokens = worker.ask(f"n{self.nonces}", answers=answers, arrives=arrives)
        self.claims += tokens
        return tokens

    def _finish(self, token: Token, outcome: str, delay_ms: int, times: int) -> None:
        code = self.rig.finish(token, outcome, delay_ms=delay_ms, reason="why")
        for _ in range(times - 1):
            again = self.rig.finish(token, outcome, delay_ms=delay_ms, reason="why")
            assert again == (0 if code == 1 else code), "the same end was taken twice"

    def _recent(self, pick: int) -> str:
        """One of the tasks, the newest first; some of them may be gone."""
        return self.ids[-1 - pick % len(self.ids)]

    def _at(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Times are drawn as distances from now."""
        at_ms = fields.get("at_ms", 0)
        return {**fields, "at_ms": at_ms and self.rig.now + at_ms}

    def _spec(self, fields: dict[str, Any], edges: list[tuple[str, int]]) -> Spec:
        given = self._at(fields)
        parents = {self._recent(pick): condition for condition, pick in edges if self.ids}
        spec = Spec(
            id=f"{len(self.ids):05d}", parents=tuple((c, i) for i, c in parents.items()), **given
        )
        self.ids.append(spec.id)
        return spec
