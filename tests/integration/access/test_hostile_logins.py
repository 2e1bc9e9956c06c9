"""What somebody with a login of little right may do to a server, and what is done about it."""

import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from anyio.abc import SocketStream

from rq_agent.broker import keys
from rq_agent.broker.connection import connect
from rq_agent.broker.embedded import foreign_scripts, probe
from rq_agent.broker.embedded.endpoint import Endpoint, endpoint_of
from rq_agent.broker.embedded.layout import Layout
from rq_agent.broker.embedded.start import ensure, read_running
from rq_agent.broker.errors import BrokerUnavailable
from rq_agent.broker.roles import rules
from rq_agent.broker.scripts import Scripts

from .embedded import data_folder, pid_of

P = keys.prefix("lab")
LOOP = "while true do end"
LOOP_AFTER_A_WRITE = f'redis.call("SET", KEYS[1] .. "x", "1") {LOOP}'


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    with data_folder(tmp_path / "data") as folder:
        yield folder


def endpoint(data: Path) -> Endpoint:
    running = read_running(Layout(data))
    assert running is not None
    return endpoint_of(Layout(data), running)


async def login(data: Path, role: str) -> str:
    """Start the server and return the URL of somebody; scripts are too long after 0.1 s."""
    url = ensure(data)
    async with connect(url) as redis:
        words = ("on", ">pw", *rules(role, "lab"))
        await redis.execute_command("ACL", "SETUSER", role, *words)  # type: ignore[no-untyped-call]
        await redis.config_set("lua-time-limit", "100")
    return f"unix://{role}:pw@{url.partition('@')[2]}"


async def run(url: str, script: str) -> None:
    async with connect(url) as redis:
        sha = await redis.script_load(script)
        with pytest.raises(Exception, match=r"Script killed|SCRIPT KILL|closed|cannot reach"):
            await redis.evalsha(sha, 1, P)


async def busy(data: Path) -> None:
    """Return when the server says that it is."""
    problem = ""
    with anyio.fail_after(30):
        while "busy with a script" not in problem:
            await anyio.sleep(0.2)
            try:
                await anyio.to_thread.run_sync(probe.version, endpoint(data))
            except BrokerUnavailable as e:
                problem = str(e)


async def ask_forever(stream: SocketStream) -> None:
    while True:
        await stream.send(f"HGETALL {P}h:x\r\n".encode())
        await anyio.sleep(0.001)


async def test_a_viewer_can_not_stop_the_server_with_a_script_that_loops(data: Path) -> None:
    url = await login(data, "viewer")
    assert foreign_scripts.curb(data) == ""

    async with anyio.create_task_group() as tg:
        tg.start_soon(run, url, LOOP)
        await busy(data)
        told = await anyio.to_thread.run_sync(foreign_scripts.curb, data)

    assert "was ended" in told
    assert foreign_scripts.curb(data) == ""
    async with connect(url) as redis:
        assert await redis.ping()


async def test_of_a_script_that_has_written_it_is_told_what_ends_it(data: Path) -> None:
    url = await login(data, "submitter")

    async with anyio.create_task_group() as tg:
        tg.start_soon(run, url, LOOP_AFTER_A_WRITE)
        await busy(data)
        told = await anyio.to_thread.run_sync(foreign_scripts.curb, data)
        assert f"kill -9 {pid_of(data)}" in told
        with pytest.raises(BrokerUnavailable, match="busy with a script"):
            probe.has_others(endpoint(data))
        tg.cancel_scope.cancel()


async def test_scripts_that_a_viewer_loads_do_not_fill_the_server(data: Path) -> None:
    url = await login(data, "viewer")

    async with connect(url) as viewer:
        ours = Scripts(viewer, P, allow_oom=True)
        for name in Scripts.__annotations__:
            await viewer.script_load(getattr(ours, name).text)
        assert foreign_scripts.curb(data) == ""  # all of ours are far below the limit
        for number in range(40):
            await viewer.script_load(f"return '{'x' * 2**20}' -- {number}")
        assert "MiB of scripts; they are forgotten" in foreign_scripts.curb(data)
        assert foreign_scripts.curb(data) == ""
        assert (await viewer.info("memory"))["used_memory_scripts"] < 2**20


async def test_who_never_reads_is_cut_off_before_it_fills_the_server(data: Path) -> None:
    url = await login(data, "viewer")
    async with connect(ensure(data)) as redis:
        await redis.hset(f"{P}h:x", mapping={str(n): b"x" * 8000 for n in range(1000)})

    async with await anyio.connect_unix(str(endpoint(data).socket)) as stream:
        await stream.send(b"AUTH viewer pw\r\n")
        assert await stream.receive() == b"+OK\r\n"
        with anyio.fail_after(30), pytest.raises(anyio.BrokenResourceError):
            await ask_forever(stream)

    async with connect(url) as redis:
        assert (await redis.info("memory"))["used_memory_peak"] < 1024 * 2**20


async def test_a_large_code_pack_goes_in_and_out(data: Path) -> None:
    content = b"x" * (200 * 2**20)

    async with connect(ensure(data)) as redis:
        await redis.set(f"{P}blob:x", content)
        began_s = time.monotonic()
        assert await redis.getrange(f"{P}blob:x", 0, len(content)) == content
    assert time.monotonic() - began_s < 30
