"""How the output of light tasks is shipped to a server that has its moods."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest

from rq_agent.broker.claims import Token
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import AppendCode, Chunk, Logs
from rq_agent.worker.outage import Outage
from rq_agent.worker.services.calls import Said
from rq_agent.worker.services.outputs import Outputs
from rq_agent.worker.services.sub_memory import used_mib

TOKEN = Token(task_id=TaskId("t"), fence=1, nonce="n")


class MoodyLogs(Logs):
    """Answers what it is told to, then stores."""

    def __init__(self, *answers: AppendCode | Exception) -> None:
        self.answers = list(answers)
        self.stored: list[tuple[int, bytes, bool]] = []

    async def append_many(  # type: ignore[override]
        self, parts: Sequence[tuple[Token, Sequence[Chunk]]]
    ) -> list[AppendCode]:
        answer = self.answers.pop(0) if self.answers else AppendCode.STORED
        if isinstance(answer, Exception):
            raise answer
        if answer is AppendCode.STORED:
            self.stored += [(c.offset, c.data, c.after_gap) for _, chunks in parts for c in chunks]
        return [answer] * len(parts)

    async def ends(self, task_id: TaskId, fence: int) -> dict[str, int]:  # type: ignore[override]
        return {"out": 0, "err": 0, "sys": 40}


@asynccontextmanager
async def shipping(logs: Logs) -> AsyncIterator[Outputs]:
    outputs = Outputs(logs, Outage())
    async with anyio.create_task_group() as tg:
        tg.start_soon(outputs.run)
        yield outputs
        tg.cancel_scope.cancel()


def said(data: bytes, *, stream: str = "out") -> tuple[Token, Said]:
    return TOKEN, Said(key="t.1", stream=stream, offset=0, data=data)


async def ended(outputs: Outputs) -> None:
    """Return when the end of the task may be told."""
    told = anyio.Event()
    outputs.when_shipped("t.1", told.set)
    with anyio.fail_after(10):
        await told.wait()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rq_agent.worker.services.outputs._RETRY_S", 0)


@pytest.mark.parametrize(
    ("answer", "after_gap"),
    [
        (BrokerUnavailable("away"), False),
        (AppendCode.NOT_YET, False),
        (AppendCode.BEHIND, True),
    ],
)
async def test_output_is_kept_until_redis_takes_it(
    answer: AppendCode | Exception, *, after_gap: bool
) -> None:
    logs = MoodyLogs(answer, answer)
    async with shipping(logs) as outputs:
        outputs.add([said(b"a\n")])
        await ended(outputs)

        assert outputs.waiting_bytes == 0
    assert logs.stored == [(0, b"a\n", after_gap)]


@pytest.mark.parametrize("answer", [AppendCode.CLOSED, AppendCode.GONE])
async def test_an_end_does_not_wait_for_a_log_that_takes_nothing(answer: AppendCode) -> None:
    logs = MoodyLogs(answer)
    async with shipping(logs) as outputs:
        outputs.add([said(b"a\n")])
        await ended(outputs)
        outputs.add([said(b"b\n")])

        assert outputs.is_shipped("t.1")
    assert logs.stored == []


async def test_an_end_does_not_wait_for_long_for_a_server_that_refuses_output(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.outputs._LAST_WORDS_S", -1)
    logs = MoodyLogs(*[BrokerUnavailable("full")] * 3)
    outage = Outage()
    monkeypatch.setattr(Outage, "is_away", property(lambda self: False))
    outputs = Outputs(logs, outage)
    async with anyio.create_task_group() as tg:
        tg.start_soon(outputs.run)
        outputs.add([said(b"a\n")])
        await ended(outputs)
        tg.cancel_scope.cancel()

    assert logs.stored == []


async def test_our_words_follow_those_of_the_session_before() -> None:
    logs = MoodyLogs()
    async with shipping(logs) as outputs:
        outputs.add([said(b"on\n", stream="sys")], is_resumed=True)
        await ended(outputs)

    assert logs.stored == [(40, b"on\n", False)]


async def test_all_tasks_together_keep_no_more_than_a_worker_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.outputs.MOST_BYTES", 30_000)
    outputs = Outputs(MoodyLogs(), Outage())
    for number in range(10):
        part = Said(key=f"t{number}.1", stream="out", offset=0, data=b"x" * 9_000)
        outputs.add([(TOKEN, part)])

    assert outputs.waiting_bytes <= 30_000
    assert [outputs.is_shipped(f"t{number}.1") for number in (0, 9)] == [True, False]


def test_the_memory_of_a_tree_of_processes_is_told() -> None:
    assert used_mib({TaskId("t"): os.getpid()})[TaskId("t")] > 0
