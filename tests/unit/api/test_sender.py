"""Who submits while others do, or while the client is closed."""

from typing import Any

import anyio
import pytest

from rq_agent.api import sender
from rq_agent.api.keeper import Keeper
from rq_agent.broker.errors import BrokerUnavailable


async def test_who_waits_to_submit_is_told_when_the_client_is_closed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = anyio.Event()

    async def send_batch(script: object, calls: list[str]) -> list[str]:
        await answered.wait()
        return calls

    monkeypatch.setattr(sender, "send_batch", send_batch)
    unused: Any = None
    keeper = Keeper()
    await keeper.open()
    sends: Any = sender.Sender(unused, keeper.spawn)
    told: list[object] = []

    async def send(call: str) -> None:
        try:
            told.append(await sends.send(call))
        except BrokerUnavailable as e:
            told.append(str(e))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(send, "first")
            await anyio.wait_all_tasks_blocked()
            group.start_soon(send, "second")
            await anyio.wait_all_tasks_blocked()
            await keeper.close()
            answered.set()

    assert sorted(map(str, told)) == ["first", "the client was closed"]
