import anyio

from rq_agent.broker import keys
from rq_agent.broker.events import Event, Events, parse
from rq_agent.broker.ids import encode
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks

from . import steps
from .steps import new_task


async def enqueue(namespace: Namespace, *numbers: int) -> None:
    await steps.enqueue(namespace, *(new_task(id=encode(n), queue="high") for n in numbers))


async def test_every_transition_is_read_in_its_order(namespace: Namespace) -> None:
    await enqueue(namespace, 1, 2)
    await Tasks(namespace).cancel(encode(1))

    first, second, third = await Events(namespace).read()

    assert [(e.task_id, e.event) for e in (first, second)] == [
        (encode(1), "enqueued"),
        (encode(2), "enqueued"),
    ]
    assert first.fields["queue"] == "high"
    assert (third.task_id, third.fields["state"]) == (encode(1), "cancelled")
    seconds, microseconds = await namespace.redis.time()
    assert 0 <= seconds + microseconds / 1e6 - first.at < 60


async def test_reading_goes_on_after_an_event(namespace: Namespace) -> None:
    await enqueue(namespace, 1, 2, 3)
    events = Events(namespace)

    (first,) = await events.read(count=1)
    rest = await events.read(first.id)

    assert [e.task_id for e in rest] == [encode(2), encode(3)]
    assert await events.read(rest[-1].id) == []


async def test_last_skips_what_happened_before(namespace: Namespace) -> None:
    events = Events(namespace)
    assert await events.last() == "0-0"
    await enqueue(namespace, 1)
    after = await events.last()
    await enqueue(namespace, 2)

    assert [e.task_id for e in await events.read(after)] == [encode(2)]


async def test_a_reader_waits_for_the_next_event(namespace: Namespace) -> None:
    got: list[Event] = []

    async def wait() -> None:
        got.extend(await Events(namespace).read(block_ms=5_000))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tg:
            tg.start_soon(wait)
            await enqueue(namespace, 1)

    assert [e.task_id for e in got] == [encode(1)]


async def test_an_event_of_an_unknown_form_is_read_as_far_as_possible(namespace: Namespace) -> None:
    await namespace.redis.xadd(keys.events(namespace.prefix), {b"odd\xff": b"\x00\xff"})

    (event,) = await Events(namespace).read()

    assert (event.task_id, event.event) == ("", "")
    assert event.fields == {"odd\\xff": "\x00\\xff"}


def test_the_time_of_an_event_is_the_servers() -> None:
    event = parse(b"1763720000123-4", {b"id": b"x", b"event": b"lost", b"lost": b"2"})

    assert event == Event(
        id="1763720000123-4",
        task_id=event.task_id,
        event="lost",
        at=1763720000.123,
        fields={"lost": "2"},
    )
