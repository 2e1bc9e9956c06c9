"""What workers ask, of Redis and of the model."""

from typing import Any

from rq_agent.broker.claims import Claim, Finish, Outcome
from rq_agent.broker.claims import Token as RealToken
from rq_agent.broker.draining import Draining
from rq_agent.broker.keys import TaskId
from rq_agent.broker.leases import Leases
from rq_agent.broker.orders import Order
from rq_agent.broker.presence import Workers
from rq_agent.broker.recreation import Recreation
from rq_agent.broker.ticks import Ticks
from tests.scripts.steps import DIGEST, UPLOAD

from . import beating, claiming, ending, recreating, ticking
from .base import BEAT_MS, LEASE_MS, NEEDS, Base
from .claiming import Answer, Ask
from .ending import Token
from .same import same


class WorkerCalls(Base):
    """Claims and their ends, beats, ticks, coming and going."""

    def claim(self, worker: str, nonce: str, limit: int, order: Order, shapes: list[str]) -> Answer:
        ask = Ask(
            worker=worker,
            nonce=nonce,
            limit=limit,
            lease_ms=LEASE_MS,
            strides=order.mode != "priority",
            order=order.id,
            queues=order.queues,
            weights=order.all_weights,
            shapes=tuple(shapes),
        )
        options: dict[str, Any] = {"limit": limit, "order": order, "shapes": shapes}
        told = self.run(
            Leases(self.ns).claim(worker, nonce, lease_ms=LEASE_MS, park=True, **options)
        )
        is_replay = self._is_replay(ask)
        expected = claiming.claim(self.state, self.now, ask)
        self.known |= {_token(c): c for c in told.claims}
        tasks = [
            (c.task_id, c.fence, c.queue, c.shape, c.attempt, c.priority, c.lost)
            for c in told.claims
        ]
        said = Answer(tasks, told.next_due_ms, told.parked, told.hold_until_ms)
        if is_replay:  # in any order
            said, expected = _sorted(said), _sorted(expected)
        same(said, expected)
        assert not told.again
        return expected

    def _is_replay(self, ask: Ask) -> bool:
        record = self.state.workers.get(ask.worker)
        return record is not None and record.claim_nonce == ask.nonce

    def finish(self, token: Token, outcome: str, *, delay_ms: int, reason: str) -> int:
        end = Finish(claim=_real(token), outcome=Outcome(outcome), delay_ms=delay_ms, reason=reason)
        (code,) = self.run(Leases(self.ns).finish([end]))
        ended = ending.finish(
            self.state, self.now, token, outcome, delay_ms=delay_ms, reason=reason
        )
        same(code, ended)
        return int(code)

    def recreate(self, worker: str, token: Token) -> int:
        """Make the record of a claim anew, with what its worker was told of it."""
        claim = self.known[token]
        need = NEEDS[claim.shape]
        known = Recreation(claim=claim, need=need, definition=UPLOAD[DIGEST])
        code = self.run(Leases(self.ns).recreate(worker, known, lease_ms=LEASE_MS))
        expected = recreating.recreate(self.state, self.now, worker, claim, lease_ms=LEASE_MS)
        same(code, expected)
        return int(code)

    def beat(self, worker: str, held: list[Token], profile: str) -> tuple[beating.Told, bool]:
        """Return what it is told, and whether it is parked: who is woken is left to chance."""
        tokens = [_real(token) for token in held]
        options: dict[str, Any] = {"ttl_ms": LEASE_MS, "facts": {}, "profile": profile}
        told = self.run(Leases(self.ns).beat(worker, tokens, **options))
        expected = beating.beat(self.state, self.now, worker, held, LEASE_MS)
        said = beating.Told(
            lost=list(told.lost),
            missing=list(told.missing),
            cancels={str(i): grace for i, grace in told.cancels.items()},
            given_back=set(told.given_back),
            is_ticker=told.is_ticker,
            command=told.command,
            is_paused=told.is_paused,
        )
        same(said, expected)
        assert self.state.worker(worker).is_parked or not told.is_parked
        return expected, told.is_parked

    def tick(self, limit: int) -> None:
        """Tick until there is no more to do; with a small limit that takes several calls."""
        sums = (0, 0, 0, 0)
        for _ in range(1000):
            told = self.run(Ticks(self.ns).tick(lease_ms=LEASE_MS, limit=limit))
            did = (told.reaped, told.promoted, told.expired, told.purged)
            sums = tuple(a + b for a, b in zip(sums, did, strict=True))  # type: ignore[assignment]
            if not told.more:
                break
        same(sums, ticking.tick(self.state, self.now, lease_ms=LEASE_MS))

    def hello(self, run_id: str) -> None:
        told = self.run(Ticks(self.ns).hello(run_id, lease_ms=LEASE_MS, beat_ms=BEAT_MS))
        held_until = ticking.hello(self.state, self.now, run_id, lease_ms=LEASE_MS, beat_ms=BEAT_MS)
        same(told.hold_claims_until_ms, held_until)

    def tell_worker(self, worker: str, command: str) -> bool:
        """Tell a worker to drain, to stop or to restart."""
        is_told: bool = self.run(getattr(Draining(self.ns), command)(worker))
        same(is_told, ticking.close(self.state, worker, command))
        return is_told

    def undrain(self, worker: str) -> bool:
        is_told = self.run(Draining(self.ns).undrain(worker))
        same(is_told, ticking.undrain(self.state, worker))
        return is_told

    def pause_worker(self, worker: str) -> bool:
        is_changed = self.run(Draining(self.ns).pause(worker))
        same(is_changed, ticking.pause(self.state, worker))
        return bool(is_changed)

    def resume_worker(self, worker: str) -> bool:
        is_changed = self.run(Draining(self.ns).resume(worker))
        same(is_changed, ticking.resume(self.state, worker))
        return bool(is_changed)

    def rest(self, worker: str) -> None:
        self.run(Leases(self.ns).rest(worker))
        ticking.rest(self.state, worker)

    def leave(self, worker: str) -> None:
        self.run(Workers(self.ns).leave(worker))
        ticking.leave(self.state, worker)


def _real(token: Token) -> RealToken:
    return RealToken(task_id=TaskId(token.task_id), fence=token.fence, nonce=token.nonce)


def _token(claim: Claim) -> Token:
    return Token(claim.task_id, claim.fence, claim.nonce)


def _sorted(answer: Answer) -> Answer:
    return Answer(sorted(answer.tasks), answer.due, answer.parked, answer.held_until)
