"""Records that mean nothing lie in every index: work goes on beside them, and nobody spins."""

import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from redis.exceptions import ResponseError

from rq_agent.broker import keys, urls
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.namespace import Namespace

from ..integration.worker.lab import Lab, open_lab
from ..integration.worker.tampering import put, put_list, remove, set_field, sign_anew
from ..scripts import steps
from ..servers import Servers
from . import figures, garbage
from .ledger import Ledger
from .light import Light, LightWorker
from .proxy import Proxy
from .sizes import IS_LONG, pick

MOST_A_SECOND = 5.0
WATCHED_S = pick(short=2.0, long=10.0)
OF_EACH_KIND_S = pick(short=1.0, long=4.0)
CALM: dict[str, Any] = {"beat_ms": 5_000, "lease_ms": 60_000}
"""As workers are by default: a beat of its own would be an operation, too."""


@pytest.fixture
def proxy(servers: Servers) -> Iterator[Proxy]:
    """What counts the operations of the worker, and of nobody else."""
    with Proxy(servers.socket("valkey")) as proxy:
        yield proxy


@pytest.fixture
async def ns(servers: Servers) -> AsyncIterator[Namespace]:
    async with connect(urls.of_socket(servers.socket("valkey"))) as redis:
        namespace = await Namespace.open(redis, f"m{secrets.token_hex(4)}")
        yield namespace
        names = [key async for key in redis.scan_iter(match=f"{namespace.prefix}*", count=10_000)]
        await redis.delete(*names)


async def operations_a_second(proxy: Proxy, *, watched_s: float = WATCHED_S) -> float:
    """Return how much was asked for through the proxy in some seconds."""
    proxy.commands.clear()
    began_s = time.monotonic()
    await anyio.sleep(watched_s)
    return len(proxy.commands) / (time.monotonic() - began_s)


async def ended(ns: Namespace, ids: Sequence[str], *, within_s: float = 30) -> list[str]:
    """Wait until tasks have ended; return their states."""
    with anyio.fail_after(within_s):
        while True:
            records = await Lookups(ns).records([TaskId(i) for i in ids])
            if all(record.is_final for record in records):
                return [record.state for record in records]
            await anyio.sleep(0.05)


async def test_a_real_worker_goes_on_beside_every_kind_of_garbage(
    servers: Servers, proxy: Proxy, tmp_path: Path
) -> None:
    """What looks like a task of ours and is none is quarantined, or a ghost; each with an event."""
    name = f"m{secrets.token_hex(4)}"
    direct = urls.of_socket(servers.socket("valkey"))
    async with open_lab(direct, name, tmp_path) as lab, open_lab(proxy.url, name, tmp_path) as own:
        bad = await forged(lab)
        await garbage.litter(lab.namespace)
        odd = await garbage.wrong_numbers(lab.namespace)
        async with own.worker(queues=garbage.QUEUES, **CALM):
            good = await lab.submit("print('still here')")
            states = await ended(lab.namespace, [*bad, *odd, good])
            rate = await operations_a_second(proxy)
            later = await lab.submit("print('woken')")
            assert await ended(lab.namespace, [later]) == ["succeeded"]
        events = await steps.events(lab.namespace)
        names = [
            key async for key in lab.namespace.redis.scan_iter(match=f"{lab.namespace.prefix}*")
        ]
        await lab.namespace.redis.delete(*names)

    assert states == [*["errored"] * (len(bad) + len(odd)), "succeeded"]
    told = {e["id"] for e in events if e.get("reason", "").startswith("quarantined: ")}
    assert {*bad, *odd} <= told
    ghosts = {e["id"] for e in events if e["event"] == "ghost"}
    assert {"alien", "sooner", "list", "text", "empty", "odd", garbage.LARGE} <= ghosts
    assert rate < MOST_A_SECOND
    figures.note("malformed records", quarantined=len(told), ghosts=len(ghosts), operations_s=rate)


async def forged(lab: Lab) -> list[TaskId]:
    """Return tasks that no worker may run, each for another reason."""

    async def task() -> TaskId:
        return await lab.submit("raise SystemExit('it ran')")

    mallory = KeyPair.load_or_create(lab.folder / "keys", "mallory")
    forgeries: tuple[Callable[[TaskId], Awaitable[None]], ...] = (
        lambda i: put(lab, keys.arguments, i, b"RQA1" + b"\xc1\x9f" * 20_000),
        lambda i: sign_anew(lab, i, mallory),
        lambda i: remove(lab, keys.arguments, i),
        lambda i: put(lab, keys.arguments, i, b"signed"),
        lambda i: put(lab, keys.arguments, i, bytes(2_000_000)),
        lambda i: put_list(lab, keys.arguments, i),
        lambda i: set_field(lab, i, "definition", "\xff" * 100_000),
    )
    found = []
    for forge in forgeries[: pick(short=3, long=None)]:
        found.append(await task())
        await forge(found[-1])
    return found


SHORT = ("leases", "worker")
KINDS = tuple(garbage.overwritten(Namespace(None, "x"), "w")) if IS_LONG else SHORT  # type: ignore[arg-type]
RATES: dict[str, float] = {}
"""Of the kinds so far."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_key_of_another_type_makes_nobody_spin(
    ns: Namespace, proxy: Proxy, ledger: Ledger, kind: str
) -> None:
    """Some keys are needed for everything: then nothing works, but it is tried calmly."""
    light = Light(
        name="w",
        url=proxy.url,
        namespace=ns.name,
        ledger="",
        home=str(ledger.folder),
        queues=garbage.QUEUES,
        **CALM,
    )
    key = garbage.overwritten(ns, "w")[kind]
    async with connect(proxy.url) as redis, connect(proxy.url) as blocking:
        worker = LightWorker(
            light,
            await Namespace.open(redis, ns.name),
            await Namespace.open(blocking, ns.name),
            ledger.pen("w"),
        )
        async with anyio.create_task_group() as tg:
            tg.start_soon(worker.run)
            [first] = await steps.add(ns, queue="default", name="1ms")
            await ended(ns, [first])
            await ns.redis.delete(key)
            await ns.redis.set(key, "no such type")
            with suppress(BrokerUnavailable, ResponseError):  # refused where the key is needed
                await steps.add(ns, queue="default", name="1ms")
            rate = await operations_a_second(proxy, watched_s=OF_EACH_KIND_S)
            await ns.redis.delete(key)
            [last] = await steps.add(ns, queue="default", name="1ms")
            await ended(ns, [last])
            tg.cancel_scope.cancel()

    assert rate < MOST_A_SECOND
    RATES[kind] = rate
    figures.note("keys of another type", kinds=len(RATES), most_operations_s=max(RATES.values()))
