"""What is to be told of the calls of one host: gathered from its reports, and told at once."""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

import msgspec

from .calls import SYSTEM_STREAM, Ended, Listener, Running, Said
from .messages import Gap, Nonsense, Out
from .settling import Settling, Unsettled

_HELD_BYTES: Final = 64 * 1024 * 1024
"""Of what calls printed while nobody could be told; a host may have written anything."""
_HELD_ENDS: Final = 500_000
"""So many ends nobody has had to leave untold, nor gaps, nor so much of results and notes."""
_HELD_END_BYTES: Final = 512 * 1024 * 1024
_PART_BYTES: Final = 200
"""What a part takes besides what was printed."""


class Ends(Protocol):
    """Takes the ends of calls."""

    def __call__(self, ends: Sequence[Ended], /) -> None:
        """Calls ended."""
        ...


class Telling:
    """What calls printed is told before their ends."""

    def __init__(
        self, listener: Listener, ended: Ends, unsettled: Unsettled, *, is_held_back: bool = False
    ) -> None:
        """`is_held_back`: nothing is told before `release`."""
        self._is_held_back = is_held_back
        self._held_bytes = 0
        self._held_ends: dict[str, Ended] = {}
        self._held_end_bytes = 0
        self._listener = listener
        self._ended = ended
        self._unsettled = unsettled
        self._said: list[Said] = []
        self._ends: list[Ended] = []
        self._gaps: set[tuple[str, str]] = set()
        self.settling = Settling()

    def say(self, keys: Iterable[str], text: str) -> None:
        """Put lines of ours into the logs of calls."""
        words = text.encode("utf-8", "replace")
        self._said += [Said(key=k, stream=SYSTEM_STREAM, offset=0, data=words) for k in keys]

    def out(self, report: Out) -> None:
        """Tell what a call printed."""
        place = (report.key, report.stream)
        after_gap = bool(self._gaps) and place in self._gaps
        if after_gap:
            self._gaps.discard(place)
        if self._is_held_back:
            self._held_bytes += len(report.text) + _PART_BYTES
            if self._held_bytes > _HELD_BYTES:
                self._drop()
        self._said.append(
            Said(
                key=report.key,
                stream=report.stream,
                offset=report.offset,
                data=report.text.encode("utf-8", "replace"),
                after_gap=after_gap,
            )
        )

    def _drop(self) -> None:
        """Keep the newer half of what is held back."""
        half = len(self._said) // 2
        lost = {(said.key, said.stream) for said in self._said[:half]}
        kept = []
        for said in self._said[half:]:
            if (said.key, said.stream) in lost:
                lost.remove((said.key, said.stream))
                said = msgspec.structs.replace(said, after_gap=True)
            kept.append(said)
        self._said = kept
        self._gaps |= lost
        self._held_bytes = sum(len(said.data) + _PART_BYTES for said in kept)

    def gap(self, report: Gap) -> None:
        """Note that something is missing before the next part of a stream."""
        self._gaps.add((report.key, report.stream))
        if self._is_held_back and len(self._gaps) > _HELD_ENDS:
            raise Nonsense(f"gaps in more than {_HELD_ENDS} streams")

    def end(self, ends: Sequence[Ended], *, segment: int | None = None) -> None:
        """Tell ends.

        Args:
            ends: of calls.
            segment: the file of reports that has them; None: they are our own.

        Raises:
            Nonsense: they are reported, and more than can be true or held back.
        """
        if self._is_held_back:
            self._hold(ends)
        else:
            self._ends += ends
        if segment is not None and ends:
            place = self.settling.reported(segment)
            self._unsettled.add((end.key for end in ends), place)
            if self._is_held_back:
                self._check()

    def _hold(self, ends: Sequence[Ended]) -> None:
        """Keep ends; of two of one key the later one, for the first claim was forgotten since."""
        for end in ends:
            self._held_ends[end.key] = end
            self._held_end_bytes += len(end.result) + len(end.note)

    def _check(self) -> None:
        if len(self._held_ends) > _HELD_ENDS or self._held_end_bytes > _HELD_END_BYTES:
            raise Nonsense(f"more than {_HELD_ENDS} ends, or {_HELD_END_BYTES >> 20} MiB of them")

    def void(self, keys: Sequence[str]) -> None:
        """Tell no ends of these that are held back: another claim of that key counts."""
        for key in keys:
            self._held_ends.pop(key, None)
        self._unsettled.settle(keys)

    def untold(self) -> list[Ended]:
        """Return the ends that were not told yet."""
        return [*self._held_ends.values(), *self._ends]

    def ended_before(self, unix_s: float) -> list[Running]:
        """Return the calls whose ends were not told yet, as if they ended at a time."""
        return [
            Running(key=end.key, note=end.note, started_at=unix_s - end.lasted_ms / 1000)
            for end in self.untold()
        ]

    def release(self) -> None:
        """Tell what was held back, and hold back nothing from now on."""
        self._is_held_back = False
        self._ends = self.untold()
        self._held_ends.clear()
        self.flush()

    def flush(self) -> bool:
        """Tell all that was gathered; return whether calls ended."""
        if self._is_held_back:
            return False
        said, self._said = self._said, []
        ends, self._ends = self._ends, []
        if said:
            self._listener.said(said)
        if ends:
            if self._gaps:
                over = {end.key for end in ends}
                self._gaps = {place for place in self._gaps if place[0] not in over}
            self._ended(ends)
        return bool(ends)
