"""Commands that are made and sent while the server works on those before."""

from collections.abc import Iterator, Sequence
from typing import Any

import anyio
import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys
from rq_agent.broker.errors import UsageError
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.overlap import overlapped
from rq_agent.broker.tasks import NewTask, Tasks

from .steps import UPLOAD, line, members, new_task


async def test_answers_come_in_the_order_of_the_commands(namespace: Namespace) -> None:
    answers = await overlapped(namespace.redis, (("ECHO", f"{n}") for n in range(20)))

    assert answers == [b"%d" % n for n in range(20)]
    assert await overlapped(namespace.redis, []) == []


async def test_a_command_is_made_before_the_answer_of_the_one_before_is_read(
    namespace: Namespace,
) -> None:
    key = f"{namespace.prefix}list"

    async def push() -> None:
        await namespace.redis.rpush(key, "x")

    async with anyio.create_task_group() as group:

        def commands() -> Iterator[Sequence[Any]]:
            yield ("BLPOP", key, 0)
            group.start_soon(push)  # without it there is no answer
            yield ("ECHO", "after")

        with anyio.fail_after(10):
            answers = await overlapped(namespace.redis, commands())

    assert answers == [[key.encode(), b"x"], b"after"]


@pytest.mark.parametrize("place", [0, 3, 5])
async def test_after_an_error_the_client_answers_what_it_is_asked(
    namespace: Namespace, place: int
) -> None:
    commands = [("ECHO", "late")] * 6
    commands[place] = ("NONSENSE", "x")

    with pytest.raises(ResponseError, match="unknown command"):
        await overlapped(namespace.redis, commands)

    assert await namespace.redis.echo("mine") == b"mine"


async def test_after_a_cancel_nobody_gets_an_answer_that_comes_late(namespace: Namespace) -> None:
    with anyio.CancelScope() as scope:

        def commands() -> Iterator[Sequence[Any]]:
            scope.cancel()
            yield ("BLPOP", f"{namespace.prefix}list", "0.1")

        await overlapped(namespace.redis, commands())

    assert scope.cancelled_caught
    assert await namespace.redis.echo("mine") == b"mine"


async def test_batches_that_are_made_on_the_way_keep_their_order(namespace: Namespace) -> None:
    tasks = [new_task() for _ in range(1000)]
    batches = (tasks[n : n + 90] for n in range(0, 1000, 90))

    answers = await Tasks(namespace).enqueue_batches(batches, UPLOAD)

    assert [a.id for a in answers] == [t.id for t in tasks] == await line(namespace)
    assert {a.outcome for a in answers} == {"queued"}


async def test_a_batch_that_can_not_be_made_stops_those_after_it(namespace: Namespace) -> None:
    good, bad, late = [new_task()], [new_task(queue="a:b")], [new_task()]

    def batches() -> Iterator[list[NewTask]]:
        yield from (good, bad, late)

    with pytest.raises(UsageError, match="queue 'a:b' is not a name"):
        await Tasks(namespace).enqueue_batches(batches(), UPLOAD)

    assert late[0].id not in await members(namespace, keys.ids(namespace.prefix))
    assert await namespace.redis.echo("mine") == b"mine"


async def test_no_tasks_are_no_call(namespace: Namespace) -> None:
    assert await Tasks(namespace).enqueue([], {}) == []
    assert await Tasks(namespace).enqueue_batches([], {}) == []
