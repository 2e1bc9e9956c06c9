"""What a worker has, what its tasks took, what is left."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence

from msgspec import structs

from ..broker.needs import Free, Need, batch_size, fits

Taken = tuple[Need, tuple[str, ...]]
"""What one task took: its need, and the GPUs that it was given."""


class Capacity:
    """Books of one worker. GPUs are handed out by name, everything else by amount.

    Booking and looking cost the same whether ten tasks are booked or ten thousand.
    """

    def __init__(
        self,
        *,
        slots: int,
        gpus: Sequence[str],
        cpus: float,
        mem_mib: float,
        services: int = 0,
        is_shared: bool = False,
    ) -> None:
        """`is_shared`: ordinary tasks without a GPU take service slots; `slots` does not count."""
        self._slots = slots
        self._gpus = tuple(gpus)
        self._cpus = cpus
        self._mem_mib = mem_mib
        self._services = services
        self._is_shared = is_shared
        self._taken: dict[Hashable, Taken] = {}
        self._in_slots = 0
        self._light = 0
        self._limited: Counter[Need] = Counter()
        """How many hold each need that takes of an amount; there are few different ones."""
        self._busy: Counter[str] = Counter()

    @property
    def whole(self) -> Free:
        """What is free when nothing runs."""
        slots = self._services if self._is_shared else self._slots
        return Free(
            slots=slots,
            light=self._services,
            gpus=len(self._gpus),
            cpus=self._cpus,
            mem_mib=self._mem_mib,
        )

    @property
    def free(self) -> Free:
        """What is free now. Never negative, also when a re-adopted task overbooks."""
        limited = self._limited.items()
        light = max(0, self.light_left)
        return Free(
            slots=light if self._is_shared else max(0, self._slots - self._in_slots),
            light=light,
            gpus=len(self._free_gpus()),
            cpus=max(0.0, self._cpus - sum(n.cpus * count for n, count in limited)),
            mem_mib=max(0.0, self._mem_mib - sum(n.mem_mib * count for n, count in limited)),
        )

    @property
    def light_left(self) -> int:
        """Service slots that are free; negative where tasks were claimed ahead of them."""
        return self._services - self._light - (self._in_slots if self._is_shared else 0)

    def take(self, holder: Hashable, need: Need) -> tuple[str, ...]:
        """Book a task, or one claim of it, and return the GPUs that it was given.

        Raises:
            ValueError: it does not fit; a claim only names shapes that do, so this is a bug.
        """
        if not fits(need, self.free):
            raise ValueError(f"task {holder} does not fit into {self.free}")
        return self._book(holder, need)

    def take_light(self, holder: Hashable, need: Need, *, ahead: int) -> tuple[str, ...] | None:
        """Book a light task, also so many ahead of the service slots; None: it does not fit."""
        if self.light_left + ahead <= 0:
            return None
        if (need.gpus or need.cpus or need.mem_mib) and not fits(need, self.ahead_of(ahead)):
            return None
        return self._book(holder, need)

    def ahead_of(self, ahead: int) -> Free:
        """Return what is free if so many more light tasks may be held."""
        return structs.replace(self.free, light=max(0, self.light_left + ahead))

    def book(self, holder: Hashable, need: Need, gpus: tuple[str, ...]) -> None:
        """Book a task that has its GPUs already: it runs, whether it fits or not."""
        self.give_back(holder)
        self._count(need, gpus, 1)
        self._taken[holder] = need, gpus

    def give_back(self, holder: Hashable) -> None:
        """Free what was taken; harmless when that was nothing."""
        taken = self._taken.pop(holder, None)
        if taken is not None:
            self._count(*taken, -1)

    def _book(self, holder: Hashable, need: Need) -> tuple[str, ...]:
        gpus = self._free_gpus()[: need.gpus] if need.gpus else ()
        self.book(holder, need, gpus)
        return gpus

    def _count(self, need: Need, gpus: tuple[str, ...], step: int) -> None:
        if need.light:
            self._light += step
        elif not need.gpus:
            self._in_slots += step
        if need.cpus or need.mem_mib:
            self._limited[need] += step
            if not self._limited[need]:
                del self._limited[need]
        for gpu in gpus:
            self._busy[gpu] += step

    def _free_gpus(self) -> tuple[str, ...]:
        return tuple(gpu for gpu in self._gpus if not self._busy[gpu])


def fitting(shapes: Mapping[str, Need], free: Free) -> tuple[str, ...]:
    """Return the ids of the shapes of which one task fits, sorted."""
    return tuple(sorted(shape for shape, need in shapes.items() if fits(need, free)))


def claimable(shapes: Mapping[str, Need], free: Free, *, most: int) -> int:
    """Return how many tasks to claim at once: any mixture of these shapes must fit."""
    return min(most, batch_size(list(shapes.values()), free))
