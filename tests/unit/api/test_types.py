"""What type checkers know of tasks: checked by mypy, which runs on the tests too."""

import asyncio
from typing import Any, assert_type

from rq_agent import Client, Handle, SyncClient, task
from rq_agent.api.sync_handle import SyncHandle


@task
async def send(to: str, copies: int = 1) -> int:
    return copies


@task(queue="scales", timeout=3)
def weigh(grams: float) -> str:
    return str(grams)


async def plain(n: int) -> bytes:
    return bytes(n)


async def check_tasks() -> None:
    assert_type(await asyncio.create_task(send("ann")), int)
    assert_type(await send("ann"), int)
    assert_type(weigh(3.0), str)
    assert_type(await send.submit("ann", copies=2), Handle[int])
    assert_type(await weigh.options(queue="x").submit(3.0), Handle[str])
    assert_type(await (await send.submit("ann")).result(), int)
    assert_type(await weigh.map([1.0]), list[Handle[str]])
    assert_type(send.handle("id"), Handle[int])
    await send.submit(3)  # type: ignore[arg-type]
    await weigh.submit(1.0, copies=2)  # type: ignore[call-arg]
    send.options(que="x")  # type: ignore[call-arg]


async def check_client(client: Client) -> None:
    assert_type(await client.submit(send, "ann"), Handle[int])
    assert_type(await client.submit(plain, 1), Handle[bytes])
    assert_type(await client.submit(len, "x"), Handle[int])
    assert_type(await client.map(send, ["ann"]), list[Handle[int]])
    assert_type(client.handle("id"), Handle[Any])
    assert_type(client.handle("id", of=send), Handle[int])
    await client.submit(plain, "x")  # type: ignore[call-overload]


def check_sync_client(client: SyncClient) -> None:
    assert_type(client.submit(send, "ann"), SyncHandle[int])
    assert_type(client.submit(weigh, 1.0).result(), str)


def test_a_type_checker_reads_this() -> None:
    assert {check_tasks, check_client, check_sync_client}
