"""One plain task of a stored definition is added at less cost, and stored as any other."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.new_task import NewTask
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.script_text import source
from rq_agent.broker.tasks import Tasks, enqueue_arguments

from .queue_steps import park, woken
from .steps import GPU, add, claim_one, enqueue, line, new_task

_TIMES = re.compile(rb"\b\d{13}(-\d+)?\b")
_READ: dict[str | bytes, Callable[[Any, Any], Any]] = {
    b"string": lambda redis, key: redis.get(key),
    b"hash": lambda redis, key: redis.hgetall(key),
    b"set": lambda redis, key: redis.smembers(key),
    b"zset": lambda redis, key: redis.zrange(key, 0, -1, withscores=True),
    b"list": lambda redis, key: redis.lrange(key, 0, -1),
    b"stream": lambda redis, key: redis.xrange(key),
}


async def _all(ns: Namespace) -> dict[str, str]:
    """Return all that a namespace holds, without its times."""
    held = {}
    async for key in ns.redis.scan_iter(match=f"{ns.prefix}*"):
        value: Awaitable[Any] = _READ[await ns.redis.type(key)](ns.redis, key)
        name = key.removeprefix(ns.prefix.encode())
        name = re.sub(rb"(qstat:.+:)\d+", rb"\1", name)
        held[name.decode()] = _TIMES.sub(b"<time>", repr(_in_order(await value)).encode()).decode()
    return held


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted(value.items())
    return sorted(value) if isinstance(value, set) else value


PLAIN: list[dict[str, Any]] = [
    {},
    {"name": "jobs:send", "user": "ada@lab"},
    {"name": "first", "user": "bob", "priority": 5},
    {"priority": -128, "lease_ms": 7_000, "max_lost": 0, "timeout_ms": 10},
    {"retry": "3:10", "result_ttl_ms": 50},
    {"need": GPU},
]
OTHERS: list[dict[str, Any]] = [
    {"name": "n" * 100},
    {"params": {"lr": "0.1"}},
    {"labels": {"team": "vision"}},
    {"queue_timeout_ms": 3_600_000},
    {"delay_ms": 3_600_000},
    {"at_ms": 1},
    {"is_draft": True},
    {"unique": "one"},
    {"concurrency_key": "k", "concurrency_limit": 2},
    {"queue": "another"},
    {"definition": "0" * 64},
]


async def _is_plain(ns: Namespace, task: NewTask) -> bool:
    """Return whether a task was added without the part that adds any tasks."""
    text = source("enqueue").replace('seldom("add_tasks")(1)', '"other"')
    assert '"other"' in text
    answer = await ns.redis.eval(text, 1, ns.prefix, *enqueue_arguments([task], {}))
    assert answer in ([b"queued"], b"other")
    return bool(answer != b"other")


@pytest.mark.parametrize("options", [*PLAIN, OTHERS[0]])
async def test_one_task_is_stored_as_those_of_a_batch_are(
    namespace: Namespace, options: dict[str, Any]
) -> None:
    other = await Namespace.open(namespace.redis, f"{namespace.name}-other")
    first, tasks = new_task(name="first"), [new_task(**options), new_task(**options)]
    for ns in (namespace, other):
        await enqueue(ns, first)

    one_by_one = [(await Tasks(namespace).enqueue([task], {}))[0] for task in tasks]
    with_definition = [(await enqueue(other, task))[0] for task in tasks]

    assert one_by_one == with_definition
    assert await _all(namespace) == await _all(other)


@pytest.mark.parametrize("options", PLAIN)
async def test_a_plain_task_is_added_at_less_cost(
    namespace: Namespace, options: dict[str, Any]
) -> None:
    await add(namespace)

    assert await _is_plain(namespace, new_task(**options))


@pytest.mark.parametrize("options", OTHERS)
async def test_what_has_to_do_with_others_is_left_to_the_part_for_all(
    namespace: Namespace, options: dict[str, Any]
) -> None:
    await add(namespace)
    before = await _all(namespace)

    assert not await _is_plain(namespace, new_task(**options))
    assert await _all(namespace) == before


async def test_it_is_not_plain_where_its_queue_or_others_are_not(namespace: Namespace) -> None:
    (known,) = await add(namespace)
    queue = keys.queue(namespace.prefix, "q")
    assert not await _is_plain(namespace, new_task(id=known))
    for field, value in (("paused", "1"), ("max_running", "2"), ("sequence", "broken")):
        was = await namespace.redis.hget(queue, field)
        await namespace.redis.hset(queue, field, value)
        assert not await _is_plain(namespace, new_task())
        await (
            namespace.redis.hset(queue, field, was) if was else namespace.redis.hdel(queue, field)
        )
    await namespace.redis.sadd(keys.resolve(namespace.prefix), known)
    assert not await _is_plain(namespace, new_task())
    await namespace.redis.delete(keys.resolve(namespace.prefix))
    assert await _is_plain(namespace, new_task())


async def test_it_wakes_one_worker_and_comes_last(namespace: Namespace) -> None:
    (first,) = await add(namespace)
    assert (await claim_one(namespace)).task_id == first
    names = await park(namespace, 2)

    tasks = [new_task(), new_task()]
    assert await _is_plain(namespace, tasks[0])
    assert await woken(namespace, names) == 1
    assert await _is_plain(namespace, tasks[1])

    assert await woken(namespace, names) == 2
    assert await line(namespace) == [task.id for task in tasks]


async def test_a_paused_queue_wakes_nobody(namespace: Namespace) -> None:
    await add(namespace)
    await claim_one(namespace)
    names = await park(namespace, 1)
    await QueueSettings(namespace).pause("q")

    await Tasks(namespace).enqueue([new_task()], {})

    assert await woken(namespace, names) == 0
