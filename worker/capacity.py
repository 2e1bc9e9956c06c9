"""What a worker has, what its tasks took, what is left."""

from collections.abc import Hashable, Mapping, Sequence

import msgspec

from ..broker.needs import Free, Need, batch_size, fits


class Taken(msgspec.Struct, frozen=True):
    """What one task took."""

    need: Need
    gpus: tuple[str, ...]


class Capacity:
    """Books of one worker. GPUs are handed out by name, everything else by amount."""

    def __init__(self, *, slots: int, gpus: Sequence[str], cpus: float, mem_mib: float) -> None:
        self._slots = slots
        self._gpus = tuple(gpus)
        self._cpus = cpus
        self._mem_mib = mem_mib
        self._taken: dict[Hashable, Taken] = {}

    @property
    def whole(self) -> Free:
        """What is free when nothing runs."""
        return Free(slots=self._slots, gpus=len(self._gpus), cpus=self._cpus, mem_mib=self._mem_mib)

    @property
    def free(self) -> Free:
        """What is free now. Never negative, also when a re-adopted task overbooks."""
        needs = [t.need for t in self._taken.values()]
        return Free(
            slots=max(0, self._slots - sum(n.gpus == 0 for n in needs)),
            gpus=len(self._free_gpus()),
            cpus=max(0.0, self._cpus - sum(n.cpus for n in needs)),
            mem_mib=max(0.0, self._mem_mib - sum(n.mem_mib for n in needs)),
        )

    def take(self, holder: Hashable, need: Need) -> tuple[str, ...]:
        """Book a task, or one claim of it, and return the GPUs that it was given.

        Raises:
            ValueError: it does not fit; a claim only names shapes that do, so this is a bug.
        """
        if not fits(need, self.free):
            raise ValueError(f"task {holder} does not fit into {self.free}")
        gpus = self._free_gpus()[: need.gpus]
        self._taken[holder] = Taken(need, gpus)
        return gpus

    def book(self, holder: Hashable, need: Need, gpus: tuple[str, ...]) -> None:
        """Book a task that has its GPUs already: it runs, whether it fits or not."""
        self._taken[holder] = Taken(need, gpus)

    def give_back(self, holder: Hashable) -> None:
        """Free what was taken; harmless when that was nothing."""
        self._taken.pop(holder, None)

    def _free_gpus(self) -> tuple[str, ...]:
        busy = {gpu for taken in self._taken.values() for gpu in taken.gpus}
        return tuple(gpu for gpu in self._gpus if gpu not in busy)


def fitting(shapes: Mapping[str, Need], free: Free) -> tuple[str, ...]:
    """Return the ids of the shapes of which one task fits, sorted."""
    return tuple(sorted(shape for shape, need in shapes.items() if fits(need, free)))


def claimable(shapes: Mapping[str, Need], free: Free, *, most: int) -> int:
    """Return how many tasks to claim at once: any mixture of these shapes must fit."""
    return min(most, batch_size(list(shapes.values()), free))
