"""The embedded server lets in who runs it, and whom it was told to: nobody else, whatever they send."""

import asyncio
import os
import re
import stat
from pathlib import Path

import msgspec
import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.embedded import binary, lock, spawn, wait
from rq_agent.broker.embedded.endpoint import Endpoint
from rq_agent.broker.embedded.layout import Layout, Running
from rq_agent.broker.embedded.start import ensure, has_users, read_running
from rq_agent.broker.embedded.stop import is_idle, runs_tasks, stop, stop_if_unused, url_if_running
from rq_agent.broker.errors import AccessDenied, BrokerRefused, BrokerUnavailable
from rq_agent.broker.roles import rules

from ...servers import redis62_binary, redis_binary
from .embedded import kill, pid_of

HASH = "a" * 64


async def replies(socket: str, *commands: str) -> list[str]:
    """Send commands on one connection that never logged in; return the first line of each reply."""
    reader, writer = await asyncio.open_unix_connection(socket)
    said = []
    for command in commands:
        writer.write(f"{command}\r\n".encode())
        said.append((await reader.readline()).decode().strip())
    writer.close()
    await writer.wait_closed()
    return said


def socket_of(data: Path) -> str:
    running = read_running(Layout(data))
    assert running is not None
    return running.socket


async def test_who_runs_it_may_everything(data: Path) -> None:
    async with connect(ensure(data)) as redis:
        assert await redis.acl_whoami() == "local"
        assert (await redis.config_get("port")) == {"port": "0"}
        await redis.set("anything", "at all")

    assert has_users(data)


@pytest.mark.parametrize("name", ["valkey", "redis", "redis62"])
async def test_nobody_becomes_the_default_user(
    data: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    if name != "valkey":
        path = redis_binary() if name == "redis" else redis62_binary()
        found, _ = binary._inspect(path)
        assert found is not None
        monkeypatch.setattr(binary, "find", lambda: found)
    url = ensure(data)
    password = urls.parse(url).password

    refused = await replies(socket_of(data), "PING", "AUTH default x", "AUTH x", "RESET", "PING")
    after = await replies(socket_of(data), f"AUTH local {password}", "PING", "RESET", "PING")

    assert [line.split(" ")[0] for line in (*refused[:3], refused[4])] == [
        *("-NOAUTH", "-WRONGPASS", "-WRONGPASS", "-NOAUTH")
    ]
    assert refused[3] == "+RESET" or refused[3].startswith("-NOAUTH")  # so is Redis 6.2
    assert [line.split(" ")[0] for line in after] == ["+OK", "+PONG", "+RESET", "-NOAUTH"]


def test_the_password_is_random_and_private_and_its_hash_alone_is_with_the_server(
    data: Path,
) -> None:
    password = urls.parse(ensure(data)).password
    layout = Layout(data)

    assert re.fullmatch("[0-9a-f]{64}", password)
    assert stat.S_IMODE(layout.password.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.users.stat().st_mode) == 0o600
    for path in data.rglob("*"):
        if path.is_file() and path != layout.password:
            assert password.encode() not in path.read_bytes(), path


async def test_users_outlive_the_server_and_stay_private(data: Path) -> None:
    url = ensure(data)
    async with connect(url) as redis:
        await redis.execute_command(  # type: ignore[no-untyped-call]
            *("ACL", "SETUSER", "viewer-ann-1f3c", "on", f"#{HASH}", *rules("viewer", "lab"))
        )
        await redis.acl_save()
    assert stat.S_IMODE(Layout(data).users.stat().st_mode) == 0o600
    stop(data)

    assert ensure(data) == url

    async with connect(url) as redis:
        assert await redis.acl_users() == ["default", "local", "viewer-ann-1f3c"]
        user = await redis.acl_getuser("viewer-ann-1f3c")
    assert user is not None
    assert user["passwords"] == [HASH]


async def test_a_lost_password_is_made_anew_at_the_next_start(data: Path) -> None:
    url = ensure(data)
    stop(data)
    layout = Layout(data)
    layout.users.write_bytes(layout.users.read_bytes() + f"user ann on #{HASH}\n".encode())
    layout.password.unlink()
    reports: list[str] = []

    again = ensure(data, report=reports.append)

    assert again != url
    assert reports == []
    async with connect(again) as redis:
        assert await redis.acl_users() == ["ann", "default", "local"]
    async with connect(url) as redis:
        with pytest.raises(AccessDenied):
            await redis.ping()


@pytest.mark.parametrize("content", ["", "short", "Z" * 64, "a" * 64 + "\nmore"])
def test_a_damaged_password_is_made_anew_at_the_next_start(data: Path, content: str) -> None:
    ensure(data)
    stop(data)
    Layout(data).password.write_text(content)

    url = ensure(data)

    assert urls.parse(url).password == Layout(data).password.read_text().strip() != content


def test_a_password_that_others_could_read_is_made_anew(data: Path) -> None:
    url = ensure(data)
    stop(data)
    Layout(data).password.chmod(0o644)

    assert ensure(data) != url
    assert stat.S_IMODE(Layout(data).password.stat().st_mode) == 0o600


def test_lost_users_are_told(data: Path) -> None:
    ensure(data)
    stop(data)
    Layout(data).users.unlink()
    reports: list[str] = []

    url = ensure(data, report=reports.append)

    assert reports == [f"{data}/users.acl is gone: machines that joined must join again"]
    assert url == url_if_running(data)


def test_a_first_start_reports_nothing(data: Path) -> None:
    reports: list[str] = []

    ensure(data, report=reports.append)

    assert reports == []


def test_users_that_were_broken_by_hand_are_told_in_the_servers_words(data: Path) -> None:
    ensure(data)
    stop(data)
    users = Layout(data).users
    users.write_bytes(users.read_bytes() + b"user ann on +@nonsense\n")

    with pytest.raises(BrokerUnavailable, match=r"ended at its start.*users\.acl:3.*nonsense"):
        ensure(data)

    assert users.read_bytes().endswith(b"user ann on +@nonsense\n")


@pytest.mark.parametrize("call", [ensure, url_if_running, stop, stop_if_unused, runs_tasks])
def test_a_password_that_is_gone_while_the_server_runs_is_told(data: Path, call: object) -> None:
    ensure(data)
    Layout(data).password.unlink()
    assert callable(call)

    with pytest.raises(
        BrokerRefused, match=rf"local\.password.*No such file.*`kill {pid_of(data)}` ends it"
    ):
        call(data)

    kill(data)
    assert url_if_running(data) is None
    ensure(data)


@pytest.mark.parametrize("call", [ensure, url_if_running, stop, stop_if_unused, is_idle])
def test_a_password_that_was_changed_while_the_server_runs_is_told(
    data: Path, call: object
) -> None:
    ensure(data)
    pid = pid_of(data)
    Layout(data).password.write_text(HASH)
    assert callable(call)

    with pytest.raises(
        AccessDenied, match=rf"refuses the password in .*was changed while it ran; `kill {pid}`"
    ) as caught:
        call(data)

    assert HASH not in str(caught.value)
    kill(data)
    ensure(data)


async def test_what_an_older_version_started_is_used_as_it_is(data: Path) -> None:
    """It has no users: nobody can be let in, so nothing may open it to a network."""
    old_server(data)

    url = ensure(data)

    assert url == f"unix://{data}/s" == url_if_running(data)
    assert not has_users(data)
    async with connect(url) as redis:
        await redis.set("k", "v")
    assert stop(data)
    async with connect(ensure(data)) as redis:
        assert await redis.get("k") == b"v"
    assert has_users(data)


def old_server(data: Path) -> None:
    """Start a server as versions without users did."""
    layout = Layout(data)
    url = ensure(data)
    stop(data)
    text = layout.config.read_text()
    layout.config.write_text("".join(re.findall(r"^(?!aclfile).*\n", text, re.MULTILINE)))
    for path in (layout.users, layout.password):
        path.unlink()
    running = Running(socket=urls.parse(url).path, binary_stamp=binary.stamp())
    record = msgspec.to_builtins(running)
    del record["user"]
    layout.running.write_bytes(msgspec.json.encode(record))
    held = lock.try_lock(layout.server_lock)
    assert held is not None
    spawn.spawn(binary.find().path, layout.config, layout.log, held)
    os.close(held)
    assert wait.until_ready(layout, Endpoint(Path(running.socket)), report=lambda text: None)
