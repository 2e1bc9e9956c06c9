"""The server executes a call and its reply is cut: whoever repeats it finds it done once."""

import re
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from rq_agent.broker import scripts, urls
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import ReplyLost, SelectorError, UsageError
from rq_agent.broker.namespace import Namespace

from ..model import stored
from ..scripts import steps
from ..servers import Servers
from . import figures, lost_other_calls, lost_task_calls, lost_worker_calls
from .holdings import Holdings
from .lost_call import CASES, Call
from .proxy import Proxy

PARTS = (lost_worker_calls, lost_task_calls, lost_other_calls)
"""Whoever imports them has their cases in CASES."""
LUA = Path(scripts.__file__).parent / "lua"
READING = {
    name
    for name in scripts.Scripts.__annotations__
    if re.search(r"^-- Writes +nothing", (LUA / f"{name}.lua").read_text(), re.MULTILINE)
}


@pytest.fixture(scope="module")
def proxy(servers: Servers) -> Iterator[Proxy]:
    with Proxy(servers.socket("valkey")) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def eyes(servers: Servers) -> Iterator[Redis]:
    """What looks at the server beside the proxy, in text."""
    socket = str(servers.socket("valkey"))
    with Redis(
        unix_socket_path=socket, decode_responses=True, encoding_errors="backslashreplace"
    ) as client:
        yield client


@pytest.fixture
async def ns(servers: Servers) -> AsyncIterator[Namespace]:
    async with connect(urls.of_socket(servers.socket("valkey"))) as redis:
        yield await Namespace.open(redis, f"r{secrets.token_hex(4)}")


@pytest.fixture
async def cut_off(ns: Namespace, proxy: Proxy) -> AsyncIterator[Namespace]:
    """The same namespace, behind the proxy."""
    async with connect(proxy.url) as redis:
        yield await Namespace.open(redis, ns.name)


TOLD_TWICE = {"archive", "schedule_add/replaces"}
"""Safe to repeat, but an event says that it was asked for again."""
ONLY_TIMES = {"keep_blobs", "uncollect"}
"""Change nothing but when something happens next."""
UNKNOWN = {"move_by"}
"""Not safe to repeat: who asked is told how to find out."""


@pytest.fixture(scope="module", autouse=True)
def repeated() -> Iterator[list[str]]:
    """Note at the end which calls were safe to repeat."""
    passed: list[str] = []
    yield passed
    if len(passed) > 1:
        figures.note("lost replies", calls=len(CASES), safe_to_repeat=len(passed))


def test_every_script_that_writes_has_a_case() -> None:
    named = {name.partition("/")[0] for name in CASES}

    assert named | READING == set(scripts.Scripts.__annotations__)


@pytest.mark.parametrize("name", sorted(set(CASES) - UNKNOWN))
async def test_a_call_whose_reply_was_lost_may_be_repeated(
    ns: Namespace,
    cut_off: Namespace,
    proxy: Proxy,
    eyes: Redis,
    name: str,
    tmp_path: Path,
    repeated: list[str],
) -> None:
    call = await CASES[name](ns, tmp_path)
    holdings = Holdings(eyes, ns.prefix)
    with Redis(unix_socket_path=str(proxy.upstream)) as raw:
        before = stored.dump(raw, ns.prefix)
        await call(ns)
        once = holdings.read()
        stored.restore(raw, ns.prefix, before)
    assert holdings.read() != once or name in ONLY_TIMES

    await lose_a_reply(call, cut_off, proxy, name)
    with suppress(SelectorError, UsageError):  # it says that there is such a name, or none
        await call(cut_off)

    assert forget_events(holdings.read(), name) == forget_events(once, name)
    repeated.append(name)


@pytest.mark.parametrize("name", sorted(UNKNOWN))
async def test_who_can_not_repeat_a_call_is_told_how_to_find_out(
    ns: Namespace, cut_off: Namespace, proxy: Proxy, tmp_path: Path, name: str
) -> None:
    call = await CASES[name](ns, tmp_path)
    (wanted,) = (await steps.line(ns))[2:3]

    error = await lose_a_reply(call, cut_off, proxy, name)

    assert f"may have been moved or not: see its position with `rq-agent show {wanted}`" in error
    assert (await steps.line(ns)).index(wanted) == 3


async def lose_a_reply(call: Call, cut_off: Namespace, proxy: Proxy, name: str) -> str:
    """Make a call that is executed, and return what its caller is told in place of an answer."""
    script = name.partition("/")[0]
    sha = getattr(cut_off.scripts, script).sha.encode()
    await cut_off.redis.script_load(getattr(cut_off.scripts, script).text)
    cut = proxy.cut(
        lambda command: command[:2] == [b"EVALSHA", sha], skip=int(name.endswith("/batches"))
    )
    with pytest.raises(ReplyLost) as told:
        await call(cut_off)
    assert cut.done.is_set()
    return str(told.value)


def forget_events(held: dict[str, Any], name: str) -> dict[str, Any]:
    """Return what is held but for what tells of a call that is told twice, or signs it anew."""
    if name == "cron_fire":
        return {key: value for key, value in held.items() if not key.startswith("a:")}
    if name not in TOLD_TWICE:
        return held
    return {
        key: {f: v for f, v in value.items() if f != "revision"} if key.startswith("cr:") else value
        for key, value in held.items()
        if key != "ev" and not key.startswith("h:")
    }
