"""`rq-agent doctor` on real servers, broken files and things that hang."""

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ...servers import Servers
from .terminal import Terminal

LIMIT_S = 5.0


def lines(terminal: Terminal, *options: str, code: int = 0, **environ: str) -> dict[str, Any]:
    """Run it; return the lines by their names."""
    done = terminal("doctor", "--json", *options, **environ)
    assert done.returncode == code, (done.stdout, done.stderr)
    found = json.loads(done.stdout)
    assert (found["schema"], found["ok"]) == (1, code == 0)
    return {line["name"]: line for line in found["checks"]}


@pytest.fixture
def mute(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Unix socket that accepts whoever comes, and never says a word."""
    with ExitStack() as kept, socket.socket(socket.AF_UNIX) as listener:
        path = tmp_path_factory.mktemp("m") / "s"
        listener.bind(str(path))
        listener.listen()

        def accept() -> None:
            while True:
                try:
                    kept.enter_context(listener.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield path
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_fresh_machine_is_well_and_nothing_is_started_or_written(terminal: Terminal) -> None:
    found = lines(terminal)

    assert found["redis"]["verdict"] == "ok"
    assert "starts with the first task" in found["redis"]["words"]
    assert {"config", "key", "trust", "python", "git", "uv", "gpu", "docker", "home"} <= set(found)
    assert {"data disk", "cache disk", "sockets", "logout"} <= set(found)
    assert sorted(p.name for p in terminal.home.iterdir()) == ["cache"]


def test_people_get_a_line_for_each_and_a_count(terminal: Terminal) -> None:
    done = terminal("doctor")

    first, *_ = done.stdout.decode().splitlines()
    assert first.split()[:2] == ["ok", "config"]
    assert all(
        line[:5] in ("ok   ", "warn ", "fail ") for line in done.stdout.decode().splitlines()
    )
    assert done.stderr.decode().endswith(" 0 fail\n")


def test_a_server_of_the_team_is_measured(terminal: Terminal) -> None:
    with Servers() as servers:
        url = f"unix://{servers.socket('valkey')}"
        found = lines(terminal, "--redis", url)

    assert {n: found[n]["verdict"] for n in ("redis", "clock", "persistence", "memory")} == {
        "redis": "ok",
        "clock": "ok",
        "persistence": "warn",
        "memory": "warn",
    }
    assert "valkey" in found["redis"]["words"]
    assert "appendonly yes" in found["persistence"]["todo"]


def test_a_server_that_evicts_tasks_is_a_failure(terminal: Terminal) -> None:
    with Servers() as servers:
        options = ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"]
        url = f"unix://{servers.socket('redis', options=options)}"
        found = lines(terminal, "--redis", url, code=1)

    assert "maxmemory-policy noeviction" in found["redis"]["words"]


def test_a_queue_that_nobody_serves_is_told(terminal: Terminal) -> None:
    terminal.text("submit", "--queue", "gpu", terminal.script("print(1)"))

    found = lines(terminal)

    assert found["workers"]["verdict"] == "warn"
    assert found["queue gpu"]["todo"].endswith("rq-agent work --queues gpu")
    assert found["persistence"]["verdict"] == "ok"
    assert "1 key" in found["trust"]["words"]


def test_a_server_that_is_away_is_a_failure(terminal: Terminal) -> None:
    found = lines(terminal, "--redis", "unix:///nowhere/s", code=1)

    assert found["redis"]["verdict"] == "fail"
    assert found["git"]["verdict"] == "ok"


def test_a_server_and_a_docker_that_hang_do_not_hang_the_doctor(
    terminal: Terminal, mute: Path
) -> None:
    began_s = time.monotonic()
    found = lines(terminal, "--redis", f"unix://{mute}", code=1, DOCKER_HOST=f"unix://{mute}")

    assert time.monotonic() - began_s < LIMIT_S + 2  # two busy cores start Python late
    assert "does not answer within 3 s" in found["redis"]["words"]
    assert "no answer within" in found["docker"]["words"]
    assert found["git"]["verdict"] == "ok"


def test_a_tool_that_hangs_does_not_hang_the_doctor(terminal: Terminal, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)

    found = lines(terminal, code=0, PATH=f"{program.parent}:{os.environ['PATH']}")

    assert "no answer within" in found["git"]["words"]
    assert found["uv"]["verdict"] == "ok"


def test_without_git_repositories_cannot_be_packed(terminal: Terminal, tmp_path: Path) -> None:
    found = lines(terminal, code=1, PATH=str(tmp_path))

    assert (found["git"]["verdict"], found["git"]["todo"]) == ("fail", "install git")


def test_a_docker_host_that_is_none_is_told(terminal: Terminal) -> None:
    assert lines(terminal, DOCKER_HOST="nonsense")["docker"]["verdict"] == "warn"


def test_a_broken_configuration_is_a_line_and_the_machine_is_looked_at_all_the_same(
    terminal: Terminal,
) -> None:
    config = terminal.home / "config"
    config.mkdir()
    (config / "config.toml").write_text("[redsi]\n")

    found = lines(terminal, code=1)

    assert "line 1, column 2: redsi is not known" in found["config"]["words"]
    assert found["git"]["verdict"] == "ok"
    assert "redis" not in found


def test_files_that_others_can_read_are_told_with_the_command(terminal: Terminal) -> None:
    terminal.text("submit", "--draft", terminal.script("print(1)"))
    config = terminal.home / "config"
    (config / "config.toml").write_text("[redis]\nurl = 'unix://u:s3cret@/nowhere/s'\n")
    for name in ("config.toml", "keys/ed25519", "trust.json"):
        (config / name).chmod(0o644)

    done = terminal("doctor")
    found = lines(terminal, code=1)

    assert found["config"]["todo"] == f"chmod 600 {config}/config.toml"
    assert found["key"]["verdict"] == "fail"
    assert "chmod 600" in found["key"]["words"]
    assert found["trust"]["verdict"] == "warn"
    assert b"s3cret" not in done.stdout + done.stderr


def test_a_worker_of_another_version_is_named(terminal: Terminal) -> None:
    with Servers() as servers:
        path = servers.socket("valkey")
        cli = ["redis-cli", "-s", str(path)]
        subprocess.run(
            [*cli, "hset", "rqa:{default}:wk:old", "version", "0.0.9"],
            check=True,
            capture_output=True,
        )
        subprocess.run(
            [*cli, "zadd", "rqa:{default}:wks", "99999999999999", "old"],
            check=True,
            capture_output=True,
        )
        found = lines(terminal, "--redis", f"unix://{path}")

    assert "old (0.0.9)" in found["versions"]["words"]
