"""Writes what a host has to say into files, of which the worker reads and settles one by one."""

from __future__ import annotations

import os
from threading import RLock

from .lines import gap_line
from .segment import Segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

SEGMENT_BYTES = 4 << 20
UNREAD_BYTES = 64 << 20


class Reports:
    """The files `reports.<n>` of a host. From any thread; also from `__del__`, so with an RLock.

    Output is dropped, with a gap, while the disk is full or too much is not read; nothing else is:
    what can't be written waits in memory.
    """

    def __init__(
        self,
        folder: str,
        bell: Callable[[], None],
        *,
        bell_for_output: Callable[[], None] | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        unread_bytes: int = UNREAD_BYTES,
    ) -> None:
        self._folder = folder
        self._bell = bell
        self._bell_for_output = bell_for_output or bell
        self._segment_bytes = segment_bytes
        self._unread_bytes = unread_bytes
        self.lock = RLock()
        self._old: list[Segment] = []
        self._old_bytes = 0
        self._file = Segment(folder, _next_number(folder))
        self._waiting: list[bytes] = []
        self._lost: dict[tuple[str, str], int] = {}
        self._is_mine = True

    def say(self, line: bytes) -> None:
        """Append a line (with its newline) that must not be lost."""
        with self.lock:
            self._waiting.append(line)
            self._write_waiting()

    def say_output(self, key: str, stream: str, line: bytes, size: int) -> None:
        """Append a line that holds `size` bytes of output."""
        with self.lock:
            if not self._is_mine:
                return
            can_write = self._has_room() and self._write_waiting() and self._file.append(line)
            if not can_write:
                self._lost[key, stream] = self._lost.get((key, stream), 0) + size
                return
            self._file.note_output(key, stream, size)
            self._begin_next_if_full()
            self._bell_for_output()

    def settle(self, number: int) -> None:
        """Remove the complete files up to this number: the worker has read them."""
        with self.lock:
            for one in self._old:
                if one.number <= number:
                    one.remove()
            self._old = [one for one in self._old if one.number > number]
            self._old_bytes = sum(one.size for one in self._old)

    @property
    def is_behind(self) -> bool:
        """True while a full disk keeps something back."""
        return bool(self._waiting or self._lost)

    def try_again(self) -> None:
        """Write what a full disk has kept back."""
        with self.lock:
            if self._waiting or self._lost:
                self._write_waiting()

    def fall_silent(self) -> None:
        """In a forked child of a task: the files are its parent's."""
        self._is_mine = False
        self._waiting, self._lost = [], {}
        self.lock = RLock()  # another thread of the parent may have held it

    def _has_room(self) -> bool:
        return self._old_bytes <= self._unread_bytes

    def _write_waiting(self) -> bool:
        """True if nothing waits any longer. Gaps stand before what comes after them."""
        if not self._is_mine:
            return False
        if self._lost:
            gaps = [gap_line(*of, size) for of, size in self._lost.items()]
            if not self._append(b"".join(gaps)):
                return False
            self._lost = {}
        elif not self._waiting:
            return True
        waiting, self._waiting = self._waiting, []
        if waiting and not self._append(b"".join(waiting)):
            self._waiting = waiting + self._waiting
            return False
        self._bell()
        return True

    def _append(self, data: bytes) -> bool:
        if not self._file.append(data):
            return False
        self._begin_next_if_full()
        return True

    def _begin_next_if_full(self) -> None:
        if self._file.size < self._segment_bytes:
            return
        try:
            fresh = Segment(self._folder, self._file.number + 1)
        except OSError:
            return  # this one goes on
        self._file.close()
        self._old.append(self._file)
        self._file = fresh
        self._old_bytes += self._old[-1].size
        for one in self._old:
            if self._has_room():
                return
            self._old_bytes -= one.drop_output()


def _next_number(folder: str) -> int:
    numbers = [name[len("reports.") :] for name in os.listdir(folder) if name[:8] == "reports."]
    return max((int(one) for one in numbers if one.isdigit()), default=0) + 1
