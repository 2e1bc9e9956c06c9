"""What owners of queues do, and the archiver."""

from hypothesis import strategies as st
from hypothesis.stateful import rule

from .stage import PICK, QUEUE, TIMES, Stage


class QueueRules(Stage):
    """Holding queues back, emptying them; letting final tasks go."""

    @rule(queue=QUEUE, times=TIMES)
    def pause(self, queue: str, times: int) -> None:
        for _ in range(times):
            self.rig.pause(queue)

    @rule(queue=QUEUE, times=TIMES)
    def resume(self, queue: str, times: int) -> None:
        for _ in range(times):
            self.rig.resume(queue)

    @rule(queue=QUEUE, most=st.sampled_from((None, None, 0, 1, 2, 5)))
    def limit(self, queue: str, most: int | None) -> None:
        self.rig.limit(queue, most)

    @rule(queue=QUEUE, weight=st.sampled_from((1.0, 1.0, 2.0, 0.5, 3.0)))
    def weigh(self, queue: str, weight: float) -> None:
        self.rig.weigh(queue, weight)

    @rule(queue=QUEUE)
    def empty_queue(self, queue: str) -> None:
        self.rig.purge_queue(queue)

    @rule(queue=QUEUE)
    def delete_queue(self, queue: str) -> None:
        self.rig.delete_queue(queue)

    @rule(pick=PICK)
    def archive(self, pick: int) -> None:
        self.rig.archive(self.ended(pick))

    @rule(limit=st.sampled_from((1, 100)))
    def collect(self, limit: int) -> None:
        self.collected = self.rig.collect(limit)

    @rule()
    def note_archived(self) -> None:
        """Now or later, and maybe twice."""
        self.rig.note_archived(self.collected)

    @rule(limit=st.sampled_from((1, 100)))
    def purge(self, limit: int) -> None:
        self.rig.purge(limit)
