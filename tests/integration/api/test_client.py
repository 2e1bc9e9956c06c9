"""A client on a real server; a worker is played by the test."""

import asyncio
from secrets import token_hex
from types import ModuleType
from typing import Any

import anyio
import msgspec
import pytest

from rq_agent import Client, Handle, TaskCancelled, TaskFailed
from rq_agent.api.ends import NoResult, TaskErrored, TaskNotRun
from rq_agent.broker import keys
from rq_agent.broker.claims import Outcome
from rq_agent.broker.decoding import texts
from rq_agent.broker.definitions import Definitions
from rq_agent.broker.envelope import told
from rq_agent.broker.errors import BrokerUnavailable, SelectorError, TaskNotFound, UsageError
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.signed_task import Place

from .worker import claim, finish


def namespace(client: Client) -> Namespace:
    return client._link.namespace


async def test_a_call_is_a_light_task_with_its_arguments(client: Client, shop: ModuleType) -> None:
    handle = await shop.double.submit(shop.Order("tea", count=2))

    [claimed] = await claim(namespace(client))
    assert (claimed.task_id, claimed.queue, claimed.name) == (handle.id, "mail", "double")
    assert claimed.retry.startswith("2 x ")
    place = Place(namespace(client).name, handle.id, claimed.definition)
    task = told(claimed.envelope or b"", place)
    assert task is not None
    assert msgspec.json.decode(task.call) == [[{"item": "tea", "count": 2}], {}]
    assert task.need.light


async def test_functions_of_one_module_share_their_packed_code(
    client: Client, shop: ModuleType
) -> None:
    for task, argument in ((shop.add, 1), (shop.double, shop.Order("a")), (shop.plain, 1)):
        await client.submit(task, argument)

    ns = namespace(client)
    found = [await Definitions(ns).get(each.definition) for each in await claim(ns)]
    assert len({each.code.blob for each in found}) == 1
    entries = {
        (e.module, e.function.name, e.function.kind) for d in found if (e := d.entry).function
    }
    assert entries == {
        ("shop_of_tests", "add", "coroutine"),
        ("shop_of_tests", "double", "process"),
        ("shop_of_tests", "plain", "coroutine"),
    }


async def test_a_result_is_what_the_function_is_annotated_to_return(
    client: Client, shop: ModuleType
) -> None:
    handle = await shop.double.submit(shop.Order("tea"))
    found: list[Any] = []

    async with anyio.create_task_group() as group:

        async def wait() -> None:
            found.append(await handle.result(timeout=10))

        group.start_soon(wait)
        claims = await claim(namespace(client))
        await finish(namespace(client), claims, result=b'{"item":"tea","count":2}')

    assert found == [shop.Order("tea", 2)]


async def test_the_result_of_a_task_that_has_ended_is_there_at_once(
    client: Client, shop: ModuleType
) -> None:
    handle = await shop.add.submit(1)
    await finish(namespace(client), await claim(namespace(client)), result=b"2")

    assert await client.handle(handle.id, of=shop.add).result(timeout=5) == 2
    assert await client.handle(handle.id).result(timeout=5) == 2


async def test_hundreds_of_results_are_gathered_in_order(client: Client, shop: ModuleType) -> None:
    handles = await shop.add.map(range(400))
    ns = namespace(client)

    async def work() -> None:
        while claims := await claim(ns):
            await finish(ns, claims, result=b"7")

    async with anyio.create_task_group() as group:
        group.start_soon(work)
        with anyio.fail_after(20):
            assert await client.gather(*handles) == [7] * 400

    assert [r.id for r in await Lookups(ns).records([h.id for h in handles])] == [
        h.id for h in handles
    ]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (Outcome.FAILED, TaskFailed),
        (Outcome.ERRORED, TaskErrored),
        (Outcome.CANCELLED, TaskCancelled),
    ],
)
async def test_an_end_without_success_is_an_error_that_says_why(
    client: Client, shop: ModuleType, outcome: Outcome, error: type[Exception]
) -> None:
    handle = await shop.add.submit(1)
    ns = namespace(client)
    [claimed] = await claim(ns)
    said = "".join(f"line {n}\n" for n in range(30)).encode()
    await Logs(ns).append(claimed, [Chunk(stream="out", offset=0, raw_bytes=len(said), data=said)])
    await finish(ns, [claimed], outcome, reason="ValueError: no tea", exit_code=1)

    with pytest.raises(error, match="ValueError: no tea") as caught:
        await handle.result(timeout=5)

    assert getattr(caught.value, "log", "").splitlines() == [f"line {n}" for n in range(10, 30)]
    assert getattr(caught.value, "exit_code", None) == 1
    assert await handle.logs() == said.decode()


async def test_a_result_of_another_type_than_annotated_is_an_error(
    client: Client, shop: ModuleType
) -> None:
    handle = await shop.add.submit(1)
    await finish(namespace(client), await claim(namespace(client)), result=b'"two"')

    with pytest.raises(NoResult, match="not what was annotated"):
        await handle.result(timeout=5)


async def test_waiting_ends_at_its_timeout_and_the_task_goes_on(
    client: Client, shop: ModuleType
) -> None:
    handle = await shop.add.submit(1)

    with pytest.raises(TimeoutError, match=f"task {handle.id} has not ended within 0.01 s"):
        await handle.result(timeout=0.01)

    assert (await handle.status()).state == "queued"


async def test_a_cancelled_task_raises_where_its_result_is_awaited(
    client: Client, shop: ModuleType
) -> None:
    handle = await shop.add.submit(1)

    assert await handle.cancel("not needed")

    with pytest.raises(TaskCancelled, match="not needed"):
        await handle.result(timeout=5)
    assert not await handle.cancel()


async def test_a_task_waits_for_others_by_their_handles(client: Client, shop: ModuleType) -> None:
    first = await shop.add.submit(1)
    second = await shop.add.options(after=[first]).submit(2)
    third = await shop.add.options(after=[(second.id, "fail")]).submit(3)

    assert (await second.status()).state == "waiting"
    ns = namespace(client)
    await finish(ns, await claim(ns), result=b"2")
    await finish(ns, await claim(ns), result=b"3")

    assert await second.result(timeout=5) == 3
    with pytest.raises(TaskNotRun, match="skipped"):
        await third.result(timeout=5)


async def test_a_parent_that_does_not_exist_is_refused(client: Client, shop: ModuleType) -> None:
    with pytest.raises(SelectorError, match="task no-such-id, which it was to wait for"):
        await shop.add.options(after=["no-such-id"]).submit(1)


async def test_a_handle_is_no_argument(client: Client, shop: ModuleType) -> None:
    handle = await shop.add.submit(1)

    with pytest.raises(UsageError, match=r"results are not signed.*options\(after=\[handle\]\)"):
        await shop.add.submit(handle)


async def test_a_second_task_with_a_unique_key_is_the_first_one(
    client: Client, shop: ModuleType
) -> None:
    only = shop.add.options(unique="sum")

    assert (await only.submit(1)).id == (await only.submit(2)).id


async def test_calls_that_are_submitted_at_once_are_each_added_once(
    client: Client, shop: ModuleType
) -> None:
    await shop.add.submit(0)
    handles: list[Handle[int]] = []

    async def submit(n: int) -> None:
        handles.append(await shop.add.submit(n))

    async with anyio.create_task_group() as group:
        for n in range(500):
            group.start_soon(submit, n)

    ns = namespace(client)
    assert len({h.id for h in handles}) == 500
    assert await ns.redis.zcard(keys.ids(ns.prefix)) == 501


async def test_one_bad_call_among_many_at_once_leaves_the_others(
    client: Client, shop: ModuleType
) -> None:
    await shop.plain(0)
    told: list[object] = []

    async def submit(argument: Any) -> None:
        try:
            told.append(await client.submit(shop.plain, argument))
        except UsageError as e:
            told.append(str(e))

    async with anyio.create_task_group() as group:
        for argument in (1, "x" * 300_000, 2, 3):
            group.start_soon(submit, argument)

    assert sum(isinstance(each, Handle) for each in told) == 3
    [problem] = [each for each in told if isinstance(each, str)]
    assert "put large values into a file" in problem


async def test_a_cancelled_submit_counts_whole_or_not_at_all(
    client: Client, shop: ModuleType
) -> None:
    await shop.add.submit(0)
    handles: list[Handle[int]] = []
    ns = namespace(client)

    async def submit(n: int) -> None:
        handles.append(await shop.add.submit(n))

    for turn in range(20):
        async with anyio.create_task_group() as group:
            for n in range(20):
                group.start_soon(submit, n)
            for _ in range(turn % 5):
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()

    last = await shop.add.submit(1)  # answered after all that were sent
    stored = set(texts(await ns.redis.zrange(keys.ids(ns.prefix), 0, -1)))
    assert {h.id for h in handles} <= stored
    assert last.id in stored
    records = await Lookups(ns).records([keys.TaskId(i) for i in stored])
    assert {r.state for r in records} == {"queued"}
    assert len(await claim(ns)) == min(200, len(stored))


async def test_a_submit_survives_broken_connections(client: Client, shop: ModuleType) -> None:
    await shop.add.submit(0)
    ns = namespace(client)
    handles: list[Handle[int]] = []

    async def submit(n: int) -> None:
        handles.append(await shop.add.submit(n))

    for _ in range(5):
        async with anyio.create_task_group() as group:
            for n in range(10):
                group.start_soon(submit, n)
            await ns.redis.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")  # type: ignore[no-untyped-call]

    assert len({h.id for h in handles}) == 50
    assert await ns.redis.zcard(keys.ids(ns.prefix)) == 51


async def test_code_that_redis_lost_is_packed_and_sent_again(
    client: Client, shop: ModuleType
) -> None:
    await shop.add.submit(0)
    ns = namespace(client)

    await lose_everything(ns)
    handle = await shop.add.submit(1)
    await lose_everything(ns)
    [other] = await shop.add.map([2])

    assert (await other.status()).state == "queued"
    with pytest.raises(TaskNotFound):
        await handle.status()


async def lose_everything(ns: Namespace) -> None:
    every: Any = await ns.redis.keys(f"{ns.prefix}*")  # of this test's own server and namespace
    await ns.redis.delete(*every)


async def test_many_calls_are_given_by_position_or_by_name(
    client: Client, shop: ModuleType
) -> None:
    handles = await shop.add.submit_many([(1, 2), {"a": 3}, [4]])

    assert len(handles) == 3
    with pytest.raises(UsageError, match=r"there is map\(\)"):
        await shop.add.submit_many(["text"])


async def test_events_come_as_they_happen(client: Client, shop: ModuleType) -> None:
    found: list[str] = []
    ready = anyio.Event()

    async def listen() -> None:
        stream = client.events("0-0")
        async for event in stream:
            found.append(event.event)
            ready.set()
            if event.event == "succeeded":
                break
        await stream.aclose()

    await shop.add.submit(1)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            group.start_soon(listen)
            await ready.wait()
            await finish(namespace(client), await claim(namespace(client)), result=b"2")

    assert found == ["enqueued", "claimed", "succeeded"]


async def test_a_task_that_does_not_exist_has_no_result(client: Client) -> None:
    with pytest.raises(TaskNotFound):
        await client.handle("0123456789abcdef").result(timeout=5)


async def test_who_waits_is_told_that_the_client_was_closed(url: str, shop: ModuleType) -> None:
    told: list[str] = []

    async def wait(handle: Handle[int]) -> None:
        try:
            await handle.result()
        except BrokerUnavailable as e:
            told.append(str(e))

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group, Client(url, f"t{token_hex(6)}"):
            group.start_soon(wait, await shop.add.options(delay=60).submit(1))
            await anyio.wait_all_tasks_blocked()

    assert told == ["nobody listens for the ends of tasks any more"]


async def test_a_client_that_is_not_open_says_so(client: Client, shop: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await Client().submit(shop.add, 1)


async def test_a_client_is_opened_and_closed_once_at_a_time(url: str, shop: ModuleType) -> None:
    client = Client(url, f"t{token_hex(6)}")
    await client.close()
    for _ in range(2):
        async with client:
            with pytest.raises(RuntimeError, match="open already"):
                await client.open()
            await (await shop.add.submit(1)).cancel()
    await client.close()


async def test_another_event_loop_is_refused(client: Client, shop: ModuleType) -> None:
    def elsewhere() -> None:
        asyncio.run(client.submit(shop.add, 1))

    with pytest.raises(RuntimeError, match="another event loop"):
        await anyio.to_thread.run_sync(elsewhere)


async def test_a_fork_is_refused(client: Client, shop: ModuleType, monkeypatch: Any) -> None:
    monkeypatch.setattr(client._here, "_pid", 1)

    with pytest.raises(RuntimeError, match="forked"):
        await shop.add.submit(1)


async def test_the_client_of_a_context_comes_before_the_one_opened_last(
    client: Client, url: str, shop: ModuleType
) -> None:
    async def elsewhere(started: Any) -> None:
        async with Client(url, f"t{token_hex(6)}"):
            started.set()
            await done.wait()

    started, done = anyio.Event(), anyio.Event()
    async with anyio.create_task_group() as group:
        group.start_soon(elsewhere, started)
        await started.wait()
        handle = await shop.add.submit(1)
        done.set()

    assert (await client.handle(handle.id).status()).state == "queued"
