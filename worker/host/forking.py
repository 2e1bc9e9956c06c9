"""Forks the children of calls."""

from __future__ import annotations

import os

from . import descriptors, fork_child
from .forked import Forked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .call import Call

_OTHERS = 64
"""More descriptors than this process has besides those of its children."""


class Forking:
    """Knows how high the numbers of descriptors get, which a child has to close."""

    def __init__(self) -> None:
        self._highest = 0
        self._host = os.getpid()

    def fork(self, call: Call) -> Forked:
        """Start the child of a call; raises OSError, and then nothing was started."""
        opened: list[int] = []
        try:
            result = descriptors.file_in_memory()
            opened.append(result)
            ends = [_output_pipe(opened) for _ in range(2)] if call.log else []
            # The lowest free number is given: so nobody's is higher by more than the others are.
            self._highest = max(self._highest, *opened)
            pid = os.fork()
        except OSError:
            for one in opened:
                os.close(one)
            raise
        if pid == 0:
            writing = [write for _, write in ends]
            highest = self._highest + _OTHERS
            fork_child.become(call, writing, result, highest=highest, parent=self._host)
        for _, write in ends:
            os.close(write)
        pipes = {name: ends[i][0] for i, name in enumerate(("out", "err")[: len(ends)])}
        return Forked(call, pid, pipes, result)


def _output_pipe(opened: list[int]) -> tuple[int, int]:
    read, write = os.pipe()
    opened += [read, write]
    os.set_blocking(read, False)
    return read, write
