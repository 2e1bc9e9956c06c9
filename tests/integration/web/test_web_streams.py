"""What pages are told while they are open."""

import base64
from contextlib import ExitStack
from pathlib import Path

import anyio
import httpx2
import pytest

from rq_agent.broker.claims import Claim
from rq_agent.broker.connection import connect
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.web.live.hub import _KEPT

from ...scripts.steps import add, beat, claim_one, finish, lose, running
from ..worker.persistent import PersistentServer
from .dashboard import WITHIN_S, Dashboard, Stream, following, refused, serving


def chunk(offset: int, data: bytes) -> Chunk:
    return Chunk(stream="out", offset=offset, raw_bytes=len(data), data=data)


async def output(stream: Stream, size: int) -> bytes:
    """Return the next output, at least so many bytes."""
    found = b""
    while len(found) < size:
        _, told = await stream.next("output")
        found += b"".join(base64.b64decode(entry["data"]) for entry in told["entries"])
    return found


async def test_a_page_hears_of_tasks_and_queues(ns: Namespace, page: httpx2.AsyncClient) -> None:
    async with following(page, "/events") as stream:
        await stream.next("hello")
        [task_id] = await add(ns, queue="high")

        _, tasks = await stream.next("tasks")
        _, queues = await stream.next("queues")

    assert [(t["id"], t["event"]) for t in tasks["tasks"]] == [(task_id, "enqueued")]
    assert queues["queues"] == ["high"]


async def test_a_page_hears_only_of_its_topics(ns: Namespace, page: httpx2.AsyncClient) -> None:
    async with following(page, "/events?topics=queues") as stream:
        await stream.next("hello")
        await add(ns)

        assert (await stream.next())[0] == "queues"


async def test_a_page_hears_of_workers_that_come(ns: Namespace, page: httpx2.AsyncClient) -> None:
    async def come() -> None:
        for n in range(100):  # the first look only learns who is there
            await beat(ns, worker=f"w{n}")
            await anyio.sleep(0.2)

    async with following(page, "/events?topics=workers") as stream:
        await stream.next("hello")
        async with anyio.create_task_group() as tg:
            tg.start_soon(come)
            _, told = await stream.next("workers")
            tg.cancel_scope.cancel()

    assert told["workers"][0].startswith("w")


async def test_thousands_of_events_make_few_messages(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    async with following(page, "/events?topics=tasks") as stream:
        await stream.next("hello")
        ids = set(await add(ns, 3000))

        seen, more, messages = set[str](), 0, 0
        while len(seen) + more < len(ids):
            _, told = await stream.next("tasks")
            seen |= {task["id"] for task in told["tasks"]}
            more += told["more"]
            messages += 1

    assert seen <= ids
    assert messages <= 20


async def test_a_page_that_comes_back_hears_what_it_missed(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    async with following(page, "/events?topics=tasks") as stream:
        await stream.next("hello")
        await add(ns)
        await stream.next("tasks")
    missed = await add(ns, 2)

    async with following(page, "/events?topics=tasks", **{"last-event-id": stream.last}) as stream:
        _, told = await stream.next("tasks")

    assert [task["id"] for task in told["tasks"]] == missed


@pytest.mark.parametrize("last", ["1-0", "after"])
async def test_a_page_that_was_away_for_too_long_starts_anew(
    ns: Namespace, page: httpx2.AsyncClient, last: str
) -> None:
    await add(ns)
    header = {"last-event-id": "1-0"} if last == "1-0" else {}
    path = "/events" if last == "1-0" else "/events?after=1-0"

    async with following(page, path, **header) as stream:
        assert (await stream.next())[0] == "snapshot"


async def test_a_page_that_stood_still_starts_anew(
    url: str, ns: Namespace, dashboard: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rq_agent.web.live import hub as hubs

    monkeypatch.setattr(hubs, "_EVERY_S", 0.0)
    async with connect(url) as redis:
        from rq_agent.broker.feed import Feed

        hub = hubs.Hub(ns, Feed(await Namespace.open(redis, ns.name)), max_clients=1)
        with hub.client():
            async with anyio.create_task_group() as tg:
                tg.start_soon(hub.run)
                with anyio.fail_after(WITHIN_S):
                    while hub.number <= _KEPT:
                        tick = hub.tick
                        await add(ns)
                        await tick.wait(1.0)
                tg.cancel_scope.cancel()

    assert hub.since(0) is None
    assert len(hub.since(hub.number - 1) or ()) == 1


async def test_output_arrives_as_it_is_written(ns: Namespace, page: httpx2.AsyncClient) -> None:
    claim = await running(ns)
    async with following(page, f"/tasks/{claim.task_id}/log/stream") as stream:
        assert (await stream.next("attempt"))[1]["attempt"] == 1
        for n in range(3):
            await Logs(ns).append(claim, [chunk(n, b"%d" % n)])
            assert await output(stream, 1) == b"%d" % n


async def test_a_stream_that_breaks_goes_on_without_gap_or_repeat(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    claim = await running(ns)
    path = f"/tasks/{claim.task_id}/log/stream"
    whole = b""
    last = ""
    written = 0
    for _ in range(4):
        for _ in range(40):
            await Logs(ns).append(claim, [chunk(written, b"%04d" % (written // 4))])
            written += 4
        header = {"last-event-id": last} if last else {}
        async with following(page, path, **header) as stream:
            whole += await output(stream, 4)  # what is left of it is read after the break
            last = stream.last
    async with following(page, f"{path}?after={last}") as stream:
        await finish(ns, claim, "succeeded")
        while (event := await stream.next("output", "end"))[0] == "output":
            entries = event[1]["entries"]
            whole += b"".join(base64.b64decode(entry["data"]) for entry in entries)

    assert whole == b"".join(b"%04d" % n for n in range(160))


async def test_a_new_attempt_follows_the_rest_of_the_one_before(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    first = await running(ns)
    await Logs(ns).append(first, [chunk(0, b"first")])
    async with following(page, f"/tasks/{first.task_id}/log/stream") as stream:
        assert await output(stream, 5) == b"first"
        await lose(ns, first.task_id)
        second: Claim = await claim_one(ns)
        await Logs(ns).append(second, [chunk(0, b"second")])

        assert (await stream.next("attempt"))[1]["fence"] == 2
        assert await output(stream, 6) == b"second"


async def test_who_left_off_in_an_attempt_reads_all_of_it_before_the_next(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    first = await running(ns)
    await Logs(ns).append(first, [chunk(n, b"%d" % (n % 10)) for n in range(100)])
    await lose(ns, first.task_id)
    await claim_one(ns)

    whole = b""
    async with following(page, f"/tasks/{first.task_id}/log/stream?after=1:0") as stream:
        while (event := await stream.next("output", "attempt"))[0] == "output":
            whole += b"".join(base64.b64decode(entry["data"]) for entry in event[1]["entries"])

    assert whole == b"0123456789" * 10


async def test_the_stream_of_a_task_that_ended_ends(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    claim = await running(ns)
    await Logs(ns).append(claim, [chunk(0, b"all")])
    await finish(ns, claim, "failed", reason="exit 3")

    async with following(page, f"/tasks/{claim.task_id}/log/stream") as stream:
        assert await output(stream, 3) == b"all"
        assert await stream.next("end") == ("end", {"schema": 1, "state": "failed"})


async def test_a_megabyte_without_a_line_break_arrives(
    ns: Namespace, page: httpx2.AsyncClient
) -> None:
    claim = await running(ns)
    data = b"<b>\x1b[31m" * 90_000
    await Logs(ns).append(claim, [chunk(0, data)])
    await finish(ns, claim, "succeeded")

    async with following(page, f"/tasks/{claim.task_id}/log/stream") as stream:
        assert await output(stream, len(data)) == data


async def test_the_number_of_streams_is_bounded(url: str, ns: Namespace, tmp_path: Path) -> None:
    with ExitStack() as server:
        dashboard = server.enter_context(serving(url, ns.name, tmp_path, max_streams=2))
        async with dashboard.page() as page:
            async with following(page, "/events") as one, following(page, "/events") as two:
                await one.next("hello")
                await two.next("hello")
                assert (await refused(page, "/events"))[0] == 503
            with anyio.fail_after(WITHIN_S):
                while (await page.head("/api/v1/events")).status_code == 503:
                    await anyio.sleep(0.05)  # the server learns a moment later who hung up


async def test_a_server_that_stops_lets_all_streams_go_at_once(
    url: str, ns: Namespace, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with ExitStack() as server:
        dashboard = server.enter_context(serving(url, ns.name, tmp_path))
        async with dashboard.page() as page, following(page, "/events") as stream:
            await stream.next("hello")

            with anyio.fail_after(WITHIN_S):
                await anyio.to_thread.run_sync(server.close)
            with pytest.raises(AssertionError, match="the stream ended"):
                await stream.next("never")
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_pages_hear_that_redis_is_away_and_that_it_is_back(tmp_path: Path) -> None:
    with PersistentServer() as server, ExitStack() as stack:
        dashboard = stack.enter_context(serving(server.url, "lab", tmp_path))
        async with dashboard.page() as page, following(page, "/events") as stream:
            await stream.next("hello")
            server.kill()
            _, away = await stream.next("broker")
            status, words = await refused(page, "/overview")
            server.start()
            _, back = await stream.next("broker")
            answer = await page.get("/api/v1/overview")

    assert away["away"]
    assert (status, bool(words)) == (503, True)
    assert back["away"] is None
    assert answer.status_code == 200
