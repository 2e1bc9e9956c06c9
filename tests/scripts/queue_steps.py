"""What tests of queues do again and again."""

from typing import Any

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace

from .steps import claim, decoded, messages


async def settings(ns: Namespace, queue: str = "q") -> dict[str, str]:
    """Return what was set of a queue."""
    stored = decoded(await ns.redis.hgetall(keys.queue(ns.prefix, queue)))
    return {name: value for name, value in stored.items() if name != "sequence"}


async def park(ns: Namespace, count: int, *queues: str, **options: Any) -> list[str]:
    """Park workers, for which there must be nothing to claim; return their names."""
    names = [f"w{n}" for n in range(count)]
    for name in names:
        assert (await claim(ns, *queues, worker=name, park=True, **options)).parked
    return names


async def woken(ns: Namespace, names: list[str]) -> int:
    """Return how many of the workers were woken; none was told anything else, or twice."""
    told = [await messages(ns, name) for name in names]
    assert all(len(each) <= 1 for each in told)
    return sum(bool(each) and each[-1]["c"] == "wake" for each in told)
