"""One answer for all who ask the same within a moment."""

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import anyio

_Answer = TypeVar("_Answer")


class Memo(Generic[_Answer]):
    """Keeps answers by name for `keep_s`; asks once, however many wait for it."""

    def __init__(self, *, keep_s: float, most: int = 64) -> None:
        self._keep_s = keep_s
        self._most = most
        self._found: dict[object, tuple[float, _Answer]] = {}
        self._lock = anyio.Lock()

    async def get(self, name: object, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """Return what ask returned not long ago, or returns."""
        async with self._lock:
            now_s = time.monotonic()
            kept = self._found.get(name)
            if kept is not None and now_s - kept[0] < self._keep_s:
                return kept[1]
            answer = await ask()
            self._found = {n: k for n, k in self._found.items() if now_s - k[0] < self._keep_s}
            if len(self._found) < self._most:
                self._found[name] = (time.monotonic(), answer)
            return answer
