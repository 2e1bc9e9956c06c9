"""`rq-agent web` at a terminal."""

import json
import os
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ..cli.terminal import Terminal, until_line

# A login link is asked for by another process: both find each other by the user's own folder.


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A person at a terminal."""
    (tmp_path / "cache").mkdir()
    terminal = Terminal(tmp_path, tmp_path / "cache")
    yield terminal
    terminal.close()


def served(terminal: Terminal, *options: str) -> tuple[subprocess.Popen[bytes], Any]:
    """Start a dashboard; return its process and what it says on stdout."""
    process = terminal.start("web", "--json", *options)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def open_link(link: str) -> httpx2.Response:
    """Do what the page does with a link."""
    address, _, token = link.partition("/login#")
    with httpx2.Client(base_url=address, headers={"sec-fetch-site": "same-origin"}) as client:
        done = client.post("/api/v1/login", json={"token": token})
        if done.status_code != 200:
            return done
        return client.get("/api/v1/overview")


def test_it_serves_until_it_is_told_to_stop_and_links_open_it(terminal: Terminal) -> None:
    process, told = served(terminal, "--port", "0", "--namespace", "lab")
    link = terminal.json("web", "--link", "--namespace", "lab")

    assert told["namespace"] == "lab"
    assert link["url"] == told["url"]
    seen = open_link(link["login"])
    assert seen.json()["namespace"] == "lab"
    assert open_link(link["login"]).status_code == 403
    process.terminate()
    out, err = process.communicate(timeout=20)
    assert process.returncode == 0
    assert (out, b"login#" in err) == (b"", False)
    assert err.endswith(b"dashboard: stopped\n")
    assert terminal("web", "--link").returncode == 3


def test_a_link_is_one_line_of_data(terminal: Terminal) -> None:
    _, told = served(terminal, "--port", "0")

    done = terminal("web", "--link")

    assert done.stdout.decode().startswith(f"{told['url']}/login#")
    assert done.stdout.count(b"\n") == 1
    assert b"once" in done.stderr


def test_what_links_are_made_of_is_for_its_user_only(terminal: Terminal) -> None:
    served(terminal, "--port", "0")
    terminal.text("web", "--link")

    [folder] = terminal.home.glob("state/*/web")
    for path in [folder, *folder.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_of_several_dashboards_the_one_of_the_namespace_is_meant(terminal: Terminal) -> None:
    _, one = served(terminal, "--port", "0", "--namespace", "one")
    _, two = served(terminal, "--port", "0", "--namespace", "two")

    assert terminal.json("web", "--link", "--namespace", "two")["url"] == two["url"]
    port = one["url"].rpartition(":")[2]
    assert terminal.json("web", "--link", "--port", port)["url"] == one["url"]
    done = terminal("web", "--link")
    assert done.returncode == 3
    assert b"say which" in done.stderr


def test_a_port_that_is_taken_is_said_and_the_usual_one_gives_way(terminal: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = terminal("web", "--port", port)

    assert done.returncode == 1
    assert f"127.0.0.1:{port}: Address already in use".encode() in done.stderr
    assert done.stdout == b""
    _, first = served(terminal)
    _, second = served(terminal)
    assert first["url"] != second["url"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "ssh -L"),
        (["--host", "example.org"], "ssh -L"),
        (["--port", "http"], "--port http: write a whole number"),
        (["--port", "65536"], "from 0 to 65535"),
        (["--opn"], "did you mean --open"),
        (["now"], "unexpected extra argument"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_started(
    terminal: Terminal, options: list[str], words: str
) -> None:
    done = terminal("web", *options)

    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert done.stdout == b""
    assert not (terminal.home / "data").exists()


def test_a_link_to_nothing_says_how_to_start(terminal: Terminal) -> None:
    done = terminal("web", "--link")

    assert done.returncode == 3
    assert b"start it with:  rq-agent web" in done.stderr


def test_without_redis_it_ends_with_five(terminal: Terminal) -> None:
    done = terminal("web", "--port", "0", "--redis", "unix:///nowhere/s")

    assert done.returncode == 5
    assert b"/nowhere/s" in done.stderr


def test_open_keeps_the_token_out_of_the_browsers_arguments(
    terminal: Terminal, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$@" > {said}.new; mv {said}.new {said}\n', "utf-8")
    browser.chmod(0o700)
    terminal.environ["BROWSER"] = f"{browser} %s"
    process = terminal.start("web", "--port", "0", "--open")
    until_line(process, b"ready", of_stderr=True)
    while not said.exists():
        assert process.poll() is None
        os.sched_yield()

    address = said.read_text("utf-8").strip()
    page = Path(address.removeprefix("file://"))
    assert "login" not in address
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    link = page.read_text("utf-8").partition("url=")[2].partition('"')[0]
    assert open_link(link).status_code == 200
