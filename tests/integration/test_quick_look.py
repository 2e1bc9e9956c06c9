"""A quick look finds what the real client finds, on every server, and gives up before it writes."""

import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from rq_agent.broker import history, keys, quick_look
from rq_agent.broker.draining import Draining
from rq_agent.broker.errors import SelectorError
from rq_agent.broker.events import Events
from rq_agent.broker.keys import TaskId
from rq_agent.broker.listing import Filters
from rq_agent.broker.lookups import Lookups
from rq_agent.broker.moves import Moves
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.presence import Workers
from rq_agent.broker.schedules import Schedules
from rq_agent.broker.states import TaskState
from rq_agent.broker.statistics import Statistics
from rq_agent.broker.sub_workers import sub_workers
from rq_agent.broker.task_details import details_json, gather

from ..conftest import NO_WHEEL
from ..scripts.steps import GPU, add, claim
from ..servers import Servers

Step = Callable[[Namespace], Awaitable[Any]]


async def last(ns: Namespace) -> TaskId:
    return await Lookups(ns).resolve("last")


async def record(ns: Namespace) -> Any:
    return await Lookups(ns).record(await last(ns))


async def past(ns: Namespace) -> Any:
    return await history.history(ns, await last(ns))


async def details(ns: Namespace) -> Any:
    return details_json(await gather(ns, await last(ns)))


async def why(ns: Namespace) -> Any:
    return [reason.text for reason in (await Lookups(ns).why(await last(ns))).reasons]


async def statistics(ns: Namespace) -> Any:
    return (await Statistics(ns).latest(["q"], 3))["q"].counts


async def workers(ns: Namespace) -> Any:
    return [(worker.name, worker.state, worker.running) for worker in await Workers(ns).live()]


async def subs(ns: Namespace) -> Any:
    live = [replace(worker, services=9) for worker in await Workers(ns).live()]
    return [(each.sub_worker, each.state) for each in await sub_workers(ns, live)]


STEPS: dict[str, Step] = {
    "ps": lambda ns: Lookups(ns).list(limit=10),
    "ps of a state": lambda ns: Lookups(ns).list(Filters(states=(TaskState.QUEUED,)), limit=2),
    "count": lambda ns: Lookups(ns).count(),
    "show": record,
    "details": details,
    "history": past,
    "why": why,
    "by prefix": lambda ns: Lookups(ns).resolve("last"),
    "workers": workers,
    "sub-workers": subs,
    "events": lambda ns: Events(ns).read(count=5),
    "schedules": lambda ns: Schedules(ns).list(),
    "statistics": statistics,
}


@pytest.fixture(params=["redis", "valkey", pytest.param("redis62", marks=NO_WHEEL)])
def url(request: pytest.FixtureRequest, servers: Servers) -> str:
    """Each kind of server in turn."""
    return f"unix://{servers.socket(request.param)}"


@pytest.fixture
async def lab(url: str) -> AsyncIterator[Namespace]:
    """A namespace with something of everything in it."""
    async with Redis.from_url(url) as redis:
        ns = await Namespace.open(redis, f"t{secrets.token_hex(6)}")
        await add(ns, 3, name="naïve.py", user="ada")
        await add(ns, 1, need=GPU)
        await claim(ns, worker="box")
        for step in STEPS.values():
            await step(ns)  # the scripts of look-ups are known to the server from now on
        yield ns


@pytest.mark.parametrize("name", STEPS)
async def test_a_quick_look_finds_what_the_client_finds(
    url: str, lab: Namespace, name: str
) -> None:
    expected = msgspec.to_builtins(await STEPS[name](lab))

    found = quick_look.look(url, lab.name, STEPS[name])

    assert msgspec.to_builtins(found) == expected


async def test_the_database_of_the_url_is_meant(url: str, lab: Namespace) -> None:
    async with Redis.from_url(f"{url}?db=3") as redis:
        await redis.set(keys.result(lab.prefix, TaskId("there")), "x")

    async def there(ns: Namespace) -> Any:
        return await ns.redis.exists(keys.result(ns.prefix, TaskId("there")))

    assert quick_look.look(f"{url}?db=3", lab.name, there) == 1
    assert quick_look.look(url, lab.name, there) == 0


async def test_more_than_one_packet_is_read_whole(url: str, lab: Namespace) -> None:
    key = keys.result(lab.prefix, TaskId("large"))
    await lab.redis.set(key, b"x" * 3_000_000)

    async def read(ns: Namespace) -> int:
        return len(await ns.redis.getrange(key, 0, -1))

    assert quick_look.look(url, lab.name, read) == 3_000_000


async def test_what_may_be_done_twice_is_done_quickly(url: str, lab: Namespace) -> None:
    await Draining(lab).undrain("box")  # the scripts are known from now on
    await Draining(lab).drain("nobody")

    assert quick_look.look(url, lab.name, lambda ns: Draining(ns).drain("box"))

    assert await lab.redis.hget(keys.command(lab.prefix, "box"), "command") == b"drain"


async def test_a_step_is_given_up_before_what_must_be_done_once(url: str, lab: Namespace) -> None:
    await Moves(lab).by(await last(lab), -1)
    before = await lab.redis.xlen(keys.events(lab.prefix))

    async def move(ns: Namespace) -> None:
        await Moves(ns).by(await last(ns), 1)

    with pytest.raises(quick_look.NotQuick, match="must run once"):
        quick_look.look(url, lab.name, move)
    with pytest.raises(quick_look.NotQuick):
        quick_look.look(url, lab.name, lambda ns: ns.redis.set("x", "y"))

    assert await lab.redis.xlen(keys.events(lab.prefix)) == before
    assert not await lab.redis.exists("x")


async def test_a_script_that_the_server_does_not_know_is_left_to_the_client(
    url: str, lab: Namespace
) -> None:
    await lab.redis.script_flush()

    with pytest.raises(quick_look.NotQuick, match="refused"):
        quick_look.look(url, lab.name, STEPS["ps"])


async def test_a_key_of_another_type_is_left_to_the_client(url: str, lab: Namespace) -> None:
    await lab.redis.set(keys.shapes(lab.prefix), "something else")

    with pytest.raises(quick_look.NotQuick, match="refused"):
        quick_look.look(url, lab.name, record)


async def test_what_the_step_itself_has_to_say_is_said(url: str, lab: Namespace) -> None:
    with pytest.raises(SelectorError, match="nothing-like-it"):
        quick_look.look(url, lab.name, lambda ns: Lookups(ns).resolve("nothing-like-it"))


async def test_a_step_that_waits_for_something_else_is_left_to_the_loop(
    url: str, lab: Namespace
) -> None:
    import anyio

    async def rest(ns: Namespace) -> None:
        await anyio.sleep(0.01)

    with pytest.raises(quick_look.NotQuick):
        quick_look.look(url, lab.name, rest)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "unix:///no/such/socket",
        "redis://127.0.0.1:1/0",
        "redis+sentinel://127.0.0.1:1/main",
        "rediss://127.0.0.1:1/0?ssl_cert_reqs=none",
    ],
)
def test_what_can_not_be_reached_at_once_is_left_to_the_client(address: str) -> None:
    with pytest.raises(quick_look.NotQuick):
        quick_look.look(address, "default", STEPS["ps"])


async def test_a_login_is_used_and_a_wrong_one_left_to_the_client(servers: Servers) -> None:
    socket = servers.socket("valkey", name="login", options=["--requirepass", "right"])

    async def ping(ns: Namespace) -> Any:
        return await ns.redis.exists("x")

    assert quick_look.look(f"unix://default:right@{socket}", "default", ping) == 0
    with pytest.raises(quick_look.NotQuick):
        quick_look.look(f"unix://default:wrong@{socket}", "default", ping)
    with pytest.raises(quick_look.NotQuick):
        quick_look.look(f"unix://{socket}", "default", ping)


def test_a_command_that_only_looks_imports_no_client(servers: Servers) -> None:
    script = """
import sys
from rq_agent.cli.main import main
for line in (["ps"], ["worker", "ls"], ["queue", "ls", "--json"], ["show", "last"], ["why", "last"], ["cancel", "last"]):
    main(line)
print([m for m in ("redis", "asyncio") if m in sys.modules], file=sys.stderr)
"""
    url = f"unix://{servers.socket('valkey')}"
    environ = {"RQ_AGENT_REDIS_URL": url, "RQ_AGENT_NAMESPACE": "none", "PATH": ""}
    for _ in range(2):  # the first one has the client load the scripts
        done = subprocess.run(
            [sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True
        )

    assert done.stderr.splitlines()[-1] == "[]"
