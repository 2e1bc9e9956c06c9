"""A worker that is heard, with leases scaled by 1:20, and what must be so afterwards."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import anyio
import anyio.abc

from rq_agent.broker.record import Record
from tests.looking import look_again

from ..integration.worker.lab import Lab
from ..integration.worker.outside import worker_process
from .sizes import pick

NAME: Final = "outages"
LEASE_MS: Final = 3_000
"""A lease of 60 s, as an outage of ten minutes becomes 30 s."""
FEW: Final = pick(short=2, long=12)
RESUMES_S: Final = 15.0


@asynccontextmanager
async def heard_worker(lab: Lab, *, slots: int) -> AsyncIterator[list[str]]:
    """Run a worker; what it says comes into the list, a line each."""
    said: list[str] = []

    async def listen(stream: anyio.abc.ByteReceiveStream) -> None:
        text = ""
        async for part in stream:
            *lines, text = (text + part.decode()).split("\n")
            said.extend(lines)

    async with (
        worker_process(lab, is_heard=True, slots=slots, lease_ms=LEASE_MS) as process,
        anyio.create_task_group() as tg,
    ):
        assert process.stderr is not None
        tg.start_soon(listen, process.stderr)
        try:
            yield said
        finally:
            tg.cancel_scope.cancel()


async def says(said: list[str], words: str, *, since: int = 0) -> float:
    """Return when a worker says something; monotonic seconds."""
    with anyio.fail_after(60):
        while not any(words in line for line in said[since:]):
            await look_again()
    return time.monotonic()


def check_untouched(records: list[Record]) -> None:
    """Nothing was killed, taken for lost, or run twice."""
    ends = [(r.state, r.exit_code, r.fence, r.attempt, r.lost) for r in records]
    codes = [number % 3 for number in range(len(records))]
    assert ends == [("failed" if c else "succeeded", c, 1, 1, 0) for c in codes]
