"""The client of programs without an event loop."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from types import ModuleType
from typing import Any

import anyio
import pytest

from rq_agent import SyncClient, TaskCancelled, TaskFailed
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.testing import SyncTestClient

from .worker import claim, finish


@pytest.fixture
def name() -> str:
    """Of a namespace of the test's own."""
    return f"t{token_hex(6)}"


@pytest.fixture
def client(url: str, name: str) -> Iterator[SyncClient]:
    with SyncClient(url, name) as opened:
        yield opened


def work(url: str, name: str, count: int, result: bytes) -> None:
    """Play a worker that ends so many tasks."""

    async def run() -> None:
        redis = connect(url)
        ns, left = Namespace(redis, name, allow_oom=True), count
        with anyio.fail_after(20):
            while left:
                claims = await claim(ns)
                await finish(ns, claims, result=result)
                left -= len(claims)
        await redis.aclose()

    anyio.run(run)


def test_a_program_without_a_loop_submits_and_waits(
    client: SyncClient, url: str, name: str, shop: ModuleType
) -> None:
    handles = [client.submit(shop.add, 1), *client.map(shop.add, range(2))]
    work(url, name, 3, b"7")

    assert handles[0].result(timeout=10) == 7
    assert client.gather(*handles) == [7, 7, 7]
    assert client.handle(handles[0].id, of=shop.add).status().state == "succeeded"
    assert handles[0].logs() == ""


def test_it_is_used_by_any_number_of_threads(client: SyncClient, shop: ModuleType) -> None:
    ids: list[str] = []

    def submit() -> None:
        handle = client.submit(shop.add, 1)
        ids.append(handle.id)
        handle.cancel()
        with pytest.raises(TaskCancelled):
            handle.result(timeout=10)

    threads = [threading.Thread(target=submit) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len(set(ids)) == 8


def test_its_events_are_a_plain_iterator(client: SyncClient, shop: ModuleType) -> None:
    client.submit(shop.add, 1).cancel()
    events = client.events("0-0")

    assert next(events).event == "enqueued"
    events.close()  # type: ignore[attr-defined]


def test_it_connects_at_first_use_and_again_after_close(
    url: str, name: str, shop: ModuleType
) -> None:
    client = SyncClient(url, name)
    first = client.submit(shop.add, 1)
    client.close()

    assert client.handle(first.id).status().id == first.id
    client.close()


def test_a_fork_is_refused(client: SyncClient, shop: ModuleType, monkeypatch: Any) -> None:
    with monkeypatch.context() as child:
        child.setattr(client, "_pid", 1)
        with pytest.raises(RuntimeError, match="forked"):
            client.submit(shop.add, 1)


def test_a_forked_child_of_a_program_that_used_it_ends(url: str, project: Path) -> None:
    code = f"""
import os, sys
sys.path.insert(0, {str(project)!r})
from rq_agent import SyncClient
from shop_of_tests import add
client = SyncClient({url!r}, "sync")
client.submit(add, 1).cancel()
if (child := os.fork()) == 0:
    try: client.submit(add, 1)
    except RuntimeError as e: print("forked" in str(e), flush=True)
    sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    assert said.stdout.split() == ["True", "3"]
    assert "Exception" not in said.stderr


def test_a_wrong_setting_is_told_by_the_first_use(shop: ModuleType) -> None:
    with pytest.raises(UsageError, match="begins with http"):
        SyncClient("http://x").submit(shop.add, 1)


def test_a_program_without_a_loop_is_tested_inline(shop: ModuleType) -> None:
    with SyncTestClient() as client:
        assert client.submit(shop.add, 1, b=2).result() == 3
        with pytest.raises(TaskFailed, match="ValueError: no tea"):
            client.submit(shop.fail, "no tea").result()
