"""Ships what light tasks say: that of many in one round trip."""

import logging
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Final

import anyio

from ...broker.claims import Token
from ...broker.errors import BrokerUnavailable
from ...broker.logs import AppendCode, Logs
from ..outage import Outage
from .calls import Said
from .output import Output

log = logging.getLogger(__name__)

MOST_BYTES: Final = 64 * 1024 * 1024
"""Of all light tasks of one worker."""
_TASKS: Final = 256
"""Of one round trip."""
_RETRY_S: Final = 1.0
_LAST_WORDS_S: Final = 30.0
"""How long an end waits for a Redis that takes no output, but answers: it may be full."""


class Outputs:
    """One per worker. One call is on its way at a time; the next one takes all that came meanwhile.

    The end of a task waits for its output: who waits for the end then finds all of it.
    """

    def __init__(self, logs: Logs, outage: Outage) -> None:
        self._logs = logs
        self._outage = outage
        self._all: dict[str, Output] = {}
        """By the key of the call; those that said nothing yet have none."""
        self._waiting: dict[str, Output] = {}
        """Those of which something is to be shipped."""
        self._ends: dict[str, Callable[[], None]] = {}
        self._size_bytes = 0
        self._wanted = anyio.Event()

    @property
    def waiting_bytes(self) -> int:
        """How much Redis does not have yet."""
        return self._size_bytes

    def add(self, parts: Sequence[tuple[Token, Said]], *, is_resumed: bool = False) -> None:
        """Ship what tasks said; `is_resumed`: an earlier session of this worker began them."""
        for token, said in parts:
            output = self._all.get(said.key)
            if output is None:
                output = Output(token, is_resumed=is_resumed)
                self._all[said.key] = output
            self._size_bytes += output.add(said)
            if output:
                self._waiting[said.key] = output
        while self._size_bytes > MOST_BYTES:
            self._drop_oldest()
        if self._waiting:
            self._wanted.set()

    def is_shipped(self, key: str) -> bool:
        """Return whether Redis has all that a task said so far."""
        return key not in self._waiting

    def when_shipped(self, key: str, then: Callable[[], None]) -> None:
        """Call something as soon as Redis has all that a task said, or never will."""
        self._ends[key] = then

    def forget(self, key: str) -> None:
        """Ship nothing more of a task."""
        output = self._all.pop(key, None)
        if output is not None:
            self._size_bytes += output.close()
        self._waiting.pop(key, None)
        self._ends.pop(key, None)

    async def run(self) -> None:
        """Ship forever; a missing Redis is waited for."""
        refused_s: float | None = None
        while True:
            await self._wanted.wait()
            batch = dict(islice(self._waiting.items(), _TASKS))
            try:
                await self._ship(batch)
                refused_s = None
            except BrokerUnavailable as e:
                self._outage.missed(e)
                now_s = anyio.current_time()
                refused_s = now_s if refused_s is None or self._outage.is_away else refused_s
                if now_s - refused_s > _LAST_WORDS_S:
                    self._let_ends_go()
                await anyio.sleep(_RETRY_S)

    async def _ship(self, batch: dict[str, Output]) -> None:
        for output in batch.values():
            if output.is_resumed:
                await self._find_end(output)
        parts = [(output.token, output.first()) for output in batch.values()]
        codes = await self._logs.append_many(parts)
        for (key, output), code in zip(batch.items(), codes, strict=True):
            self._heed(key, output, code)
        if not self._waiting:
            self._wanted = anyio.Event()
        if AppendCode.NOT_YET in codes:  # a beat tells the claim
            await anyio.sleep(_RETRY_S)

    def _heed(self, key: str, output: Output, code: AppendCode) -> None:
        self._waiting.pop(key, None)
        if code is AppendCode.STORED:
            self._size_bytes += output.stored()
        elif code in (AppendCode.CLOSED, AppendCode.GONE):
            self._size_bytes += output.close()
        elif code is AppendCode.BEHIND:  # what it lost is not here any more
            output.accept_loss()
        if output:
            self._waiting[key] = output  # last: each has its turn
        elif (then := self._ends.pop(key, None)) is not None:
            then()

    async def _find_end(self, output: Output) -> None:
        ends = await self._logs.ends(output.token.task_id, output.token.fence)
        output.say_after(ends["sys"])

    def _drop_oldest(self) -> None:
        key, output = next(iter(self._waiting.items()))
        self._size_bytes += output.drop_oldest()
        self._waiting.pop(key)
        if output:
            self._waiting[key] = output

    def _let_ends_go(self) -> None:
        """Tell the ends that wait, without the last output."""
        for key, then in list(self._ends.items()):
            log.warning("task %s: its last output can't be stored", key)
            self.forget(key)
            then()
