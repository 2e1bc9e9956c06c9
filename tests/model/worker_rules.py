"""What workers do."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .stage import HOUR_MS, PICK, TIMES, Stage

WORKER = st.integers(0, 5)
ENDS = (
    *("succeeded",) * 4,
    *("failed", "errored", "timed_out", "cancelled", "retry", "release", "lost"),
)
DELAY = st.sampled_from((0, 0, 5_000, HOUR_MS))


class WorkerRules(Stage):
    """Claims and their ends, whose answers may be lost; death and return."""

    @rule(n=WORKER)
    def claim(self, n: int) -> None:
        self.ask(self.workers[n])

    @rule(n=WORKER, answers=st.sampled_from((1, 2)), arrives=st.booleans())
    def lose_an_answer(self, n: int, answers: int, arrives: bool) -> None:
        """The answer did not arrive; the worker asks again, or never hears of its tasks."""
        self.ask(self.workers[n], answers=answers, arrives=arrives)

    @rule(n=WORKER)
    def ask_again(self, n: int) -> None:
        worker = self.workers[n]
        if worker.lost_nonce:
            self.claims += worker.ask(worker.lost_nonce)

    @rule(n=WORKER, pick=PICK, outcome=st.sampled_from(ENDS), delay_ms=DELAY, times=TIMES)
    def end(self, n: int, pick: int, outcome: str, delay_ms: int, times: int) -> None:
        worker = self.workers[n]
        if worker.held:
            token = worker.held.pop(pick % len(worker.held))
            worker.has_news = True
            self.finish(token, outcome, delay_ms, times)

    @rule(pick=PICK, outcome=st.sampled_from(ENDS), delay_ms=DELAY)
    def end_again(self, pick: int, outcome: str, delay_ms: int) -> None:
        """The end of a claim of long ago, or of one that is just being worked on."""
        if self.claims:
            self.finish(self.claims[-1 - pick % len(self.claims)], outcome, delay_ms, 1)

    @rule(n=WORKER, times=TIMES)
    def beat(self, n: int, times: int) -> None:
        self.workers[n].beat(times=times)

    @rule(n=WORKER)
    def die(self, n: int) -> None:
        self.workers[n].restart()

    @rule(n=WORKER)
    def reattach(self, n: int) -> None:
        """A worker that died finds its processes alive, and goes on with them."""
        worker = self.workers[n]
        worker.held += [t for t in worker.left_behind if t not in worker.held]
        worker.left_behind = []

    @rule(n=WORKER)
    def drain(self, n: int) -> None:
        worker = self.workers[n]
        if worker.drains:
            is_told = self.rig.undrain(worker.name)
        else:
            is_told = self.rig.tell_worker(worker.name, "drain")
        if is_told:
            worker.drains = not worker.drains
            worker.has_news = True

    @rule(n=WORKER)
    def pause_a_worker(self, n: int) -> None:
        worker = self.workers[n]
        verb = self.rig.resume_worker if worker.is_paused else self.rig.pause_worker
        if verb(worker.name):
            worker.is_paused = not worker.is_paused
            worker.has_news = True

    @rule(n=WORKER)
    def change_hours(self, n: int) -> None:
        """Its hours end, maybe while a claim is on its way; or they begin again."""
        worker = self.workers[n]
        worker.is_off = not worker.is_off
        if worker.is_off:
            self.rig.rest(worker.name)
        worker.has_news = True

    @rule(n=WORKER, command=st.sampled_from(("stop", "stop", "restart")))
    def stop(self, n: int, command: str) -> None:
        """Told from afar, it gives back what it holds, and comes back later."""
        worker = self.workers[n]
        if self.rig.tell_worker(worker.name, command):
            for token in worker.held:
                self.finish(token, "release", 0, 1)
            worker.held = []
            self.rig.leave(worker.name)
            worker.restart()

    @rule(n=WORKER)
    def leave(self, n: int) -> None:
        """One that holds nothing stops, and comes back later."""
        worker = self.workers[n]
        if not worker.held and not self.rig.state.held(worker.name):
            self.rig.leave(worker.name)
            worker.restart()
