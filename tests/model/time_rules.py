"""What time and mishaps do."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from .base import LEASE_MS
from .stage import HOUR_MS, TIMES, Stage

STEPS_MS = (1, 1_000, 5_000, 25_000, LEASE_MS, HOUR_MS, 31 * 24 * HOUR_MS, -1_000, -2 * HOUR_MS)


class TimeRules(Stage):
    """Clocks, ticks, and servers that come back as they were."""

    @rule(ms=st.sampled_from(STEPS_MS))
    def pass_time(self, ms: int) -> None:
        """The clock goes on, leaps, or is set back."""
        self.rig.set_time(self.rig.now + ms)
        if ms < 0:  # one that was passed over counts as parked again: left to ticks
            for worker in self.workers:
                worker.has_news = True

    @rule(limit=st.sampled_from((500, 500, 2)), times=TIMES)
    def tick(self, limit: int, times: int) -> None:
        for _ in range(times):
            self.rig.tick(limit)

    @rule()
    def wait_for_losses(self) -> None:
        """Nobody renews for longer than a lease, while somebody ticks."""
        for _ in range(4):
            self.rig.set_time(self.rig.now + LEASE_MS // 3)
            self.rig.tick(500)

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
        for worker in self.workers:  # what Redis says counts
            record = self.rig.state.workers.get(worker.name)
            worker.drains = bool(record and record.command)
            worker.is_paused = worker.name in self.rig.state.paused
            worker.unsure = list(worker.held)
            if worker.is_off:
                self.rig.rest(worker.name)
        for worker in self.workers[::2]:  # the others are late
            worker.beat()

    @rule()
    def restart_redis(self) -> None:
        self.runs += 1
        for _ in self.workers[:2]:
            self.rig.hello(f"run{self.runs}")
        for worker in self.workers:
            worker.has_news = True

    @rule()
    def settle(self) -> None:
        """Let all who heard something claim what they can: nobody sleeps beside a task."""
        while sum(self.settle_one(worker) for worker in self.workers):
            pass
        idle = self.rig.read()
        for worker in self.workers:
            if worker.sleeps(idle):
                found = worker.could_claim()
                assert not found, f"{worker.name} sleeps, {found} waits"
