"""Servers that do not let us in, and the codes that say so."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rq_agent.broker.embedded import binary

from .terminal import Terminal

# `server` stands before `terminal` everywhere, so that what a terminal started ends before it.


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The socket of a server that asks for a password and has little memory."""
    folder = tmp_path_factory.mktemp("s")
    socket = folder / "s"
    options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(
        [str(binary.find().path), *options, "--requirepass", "s3cret"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "ready to accept connections" in line.lower():
            break
    yield socket
    process.terminate()
    process.communicate()


@pytest.mark.parametrize("command", ["ps", "queue ls", "submit script.py", "work --once"])
@pytest.mark.parametrize("password", ["", ":wr0ng@"])
def test_a_wrong_password_ends_with_four_and_is_not_repeated(
    server: Path, terminal: Terminal, command: str, password: str
) -> None:
    terminal.script("")
    done = terminal(*command.split(), RQ_AGENT_REDIS_URL=f"unix://{password}{server}")

    assert done.returncode == 4, done.stderr.decode()
    assert done.stdout == b""
    assert b"password" in done.stderr
    assert b"wr0ng" not in done.stderr


def test_a_server_of_ones_own_serves_a_whole_run_without_showing_its_password(
    server: Path, terminal: Terminal
) -> None:
    terminal.environ["RQ_AGENT_REDIS_URL"] = f"unix://:s3cret@{server}"

    done = terminal("run", terminal.script("import os; print(sorted(os.environ))"))

    assert done.returncode == 0, done.stderr.decode()
    assert b"s3cret" not in done.stderr + done.stdout
    assert b"RQ_AGENT_REDIS_URL" not in done.stdout
    pid = terminal.workers()[0]["pid"]
    assert b"s3cret" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert not (terminal.home / "data").exists()
    assert b"has stopped" in terminal("down").stderr
    assert terminal.workers() == []


def test_a_server_that_evicts_is_refused_with_what_to_do(server: Path, terminal: Terminal) -> None:
    from redis import Redis

    with Redis(unix_socket_path=str(server), password="s3cret") as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
    done = terminal("submit", terminal.script(""), RQ_AGENT_REDIS_URL=f"unix://:s3cret@{server}")

    assert done.returncode == 5
    assert b"maxmemory-policy noeviction" in done.stderr
