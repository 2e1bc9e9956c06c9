"""The client for tests: no server, no worker, the real scripts."""

import sys
from types import ModuleType
from typing import Any

import anyio
import pytest

from rq_agent import TaskCancelled, TaskFailed, TaskTimedOut
from rq_agent.testing import TestClient


async def test_a_task_runs_as_soon_as_it_is_submitted(shop: ModuleType) -> None:
    async with TestClient() as client:
        handle = await shop.double.submit(shop.Order("tea", 2))

        assert (await handle.status()).state == "succeeded"
        assert await handle.result() == shop.Order("tea", 4)
        assert await client.gather(*await client.map(shop.plain, range(3))) == ["0", "1", "2"]


async def test_a_failing_task_is_retried_and_says_why(
    shop: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    async with TestClient():
        handle = await shop.fail.submit("no tea")

        with pytest.raises(TaskFailed, match="ValueError: no tea") as caught:
            await handle.result()
        assert (await handle.status()).attempt == 3
        log = await handle.logs()

    assert "raise ValueError(problem)" in caught.value.log
    assert log.startswith("before it fails\nTraceback (most recent call last):\n")
    assert "rq_agent" not in log  # none of our frames
    assert capsys.readouterr().out.count("before it fails") == 3


async def test_a_task_may_submit_another_and_wait_for_it(shop: ModuleType) -> None:
    async with TestClient():
        assert await (await shop.twice.submit(3)).result() == 6


async def test_a_timeout_ends_a_coroutine(shop: ModuleType, monkeypatch: Any) -> None:
    async def forever(_n: int) -> None:
        await anyio.sleep_forever()

    forever.__module__, forever.__qualname__ = shop.__name__, "forever"
    monkeypatch.setattr(shop, "forever", forever, raising=False)
    async with TestClient() as client:
        from rq_agent import task

        handle = await client.submit(task(timeout=0.01)(forever), 1)

        with pytest.raises(TaskTimedOut):
            await handle.result()


async def test_what_is_not_eager_waits_until_it_is_run(shop: ModuleType) -> None:
    async with TestClient(eager=False) as client:
        handle = await shop.add.submit(1)
        assert (await handle.status()).state == "queued"

        assert await client.run() == 1

        assert await handle.result() == 2


async def test_what_nobody_will_run_says_so(shop: ModuleType) -> None:
    async with TestClient():
        handle = await shop.add.options(delay=60).submit(1)

        with pytest.raises(RuntimeError, match="is delayed, and in a TestClient nobody else"):
            await handle.result()
        await handle.cancel()
        with pytest.raises(TaskCancelled):
            await handle.result()


async def test_without_fakeredis_it_says_what_to_install(monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "fakeredis", None)
    monkeypatch.setattr("rq_agent.api.testing.find_spec", lambda name: None)

    with pytest.raises(ImportError, match=r'pip install "fakeredis\[lua\]"'):
        await TestClient().open()


@pytest.fixture
async def opened_by_a_fixture() -> Any:
    async with TestClient() as client:
        yield client


async def test_a_fixture_may_open_and_close_it(opened_by_a_fixture: Any, shop: ModuleType) -> None:
    assert await (await shop.add.submit(1)).result() == 2
