"""Which reports of a host nobody needs any more: their ends are safe in Redis. No input, no output."""

from collections import deque
from collections.abc import Iterable


class Segment:
    """One file of reports, and how many ends in it are not settled."""

    __slots__ = ("number", "open")

    def __init__(self, number: int) -> None:
        self.number = number
        self.open = 0


class Settling:
    """The files of one host that were read, oldest first."""

    def __init__(self) -> None:
        self._segments: deque[Segment] = deque()
        self._told = 0

    def reported(self, number: int) -> Segment:
        """Return the file of a number; at least that of the call before."""
        if not self._segments or self._segments[-1].number != number:
            self._segments.append(Segment(number))
        return self._segments[-1]

    def news(self, reading: int) -> int:
        """Return up to which file the host may remove them; 0: no more than was returned before.

        `reading`: the file that is read now; those before it are complete.
        """
        while self._segments and self._segments[0].number < reading and not self._segments[0].open:
            self._segments.popleft()
        first = self._segments[0].number if self._segments else reading
        safe = min(first, reading) - 1
        if safe <= self._told:
            return 0
        self._told = safe
        return safe

    @property
    def is_done(self) -> bool:
        """Whether no end that was reported waits to be settled."""
        return not any(segment.open for segment in self._segments)


class Unsettled:
    """The ends that are not settled, of all hosts."""

    def __init__(self) -> None:
        self._of: dict[str, Segment] = {}

    def __len__(self) -> int:
        return len(self._of)

    def add(self, keys: Iterable[str], segment: Segment) -> None:
        """Note ends that stand in a file."""
        for key in keys:
            if key not in self._of:
                self._of[key] = segment
                segment.open += 1

    def settle(self, keys: Iterable[str]) -> None:
        """Note that ends are safe."""
        for key in keys:
            segment = self._of.pop(key, None)
            if segment is not None:
                segment.open -= 1
