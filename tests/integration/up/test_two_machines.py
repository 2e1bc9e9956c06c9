"""A server on one machine, a worker on another, a person on a third home: over a network."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from .machines import Home, Machine, two_machines
from .test_up import kill, part, until

PORT = 7341
_FEW = ("--no-web", "--no-scheduler", "--services=0")


@pytest.fixture(scope="module")
def machines() -> Iterator[tuple[Machine, Machine]]:
    """Two machines with a cable between them."""
    with two_machines() as found:
        yield found


@pytest.fixture
def server(machines: tuple[Machine, Machine], tmp_path: Path, cache: Path) -> Iterator[Home]:
    """A person on the first machine, who runs the server."""
    home = machines[0].home(tmp_path / "server", cache)
    yield home
    home.close()


@pytest.fixture
def other(machines: tuple[Machine, Machine], tmp_path: Path, cache: Path) -> Iterator[Home]:
    """A person on the second machine."""
    home = machines[1].home(tmp_path / "other", cache)
    yield home
    home.close()


@pytest.fixture
def person(machines: tuple[Machine, Machine], tmp_path: Path, cache: Path) -> Iterator[Home]:
    """A third one, on the second machine too."""
    home = machines[1].home(tmp_path / "person", cache)
    yield home
    home.close()


def opened(server: Home, *options: str) -> Mapping[str, Any]:
    """Open the server to the network; return the invitations by their roles."""
    told = server.json("up", "--listen", server.address, *_FEW, *options)
    return {each["role"]: each for each in told["invitations"]}


def join(home: Home, invitation: Mapping[str, Any]) -> None:
    """Join with an invitation that must be accepted."""
    done = home.typed(invitation["token"], "join", invitation["link"])
    assert done.returncode == 0, done.stderr.decode()


def refused(done: Any, *words: str, code: int = 4) -> None:
    """Check that a command was refused, with words that matter."""
    said = done.stderr.decode()
    assert done.returncode == code, said
    assert done.stdout == b""
    assert "Traceback" not in said
    for word in words:
        assert word in said, said


def test_a_task_from_a_third_home_runs_on_the_second_machine(
    server: Home, other: Home, person: Home
) -> None:
    invitations = opened(server, "--no-worker")
    join(other, invitations["worker"])
    join(person, invitations["submitter"])
    worker = other.start("work", "--name", "second")
    until(lambda: [w["name"] for w in server.workers()] == ["second"], "it works")

    done = person("run", person.script("import socket; print('over there')"))

    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == b"over there\n"
    assert worker.poll() is None
    assert server.task()["worker"] == "second"


def test_who_comes_to_the_wrong_server_or_with_a_bad_token_is_refused(
    server: Home, other: Home
) -> None:
    invitation = opened(server, "--no-worker")["worker"]
    link, token = invitation["link"], invitation["token"]
    forged = link[:-1] + ("A" if link[-1] != "A" else "E")
    short = server.json("invite", "worker", "--expires", "1s")["invitation"]

    refused(other.typed(token, "join", forged), "certificate")
    until(lambda: _is_gone(server, short), "it has expired")
    refused(other.typed(short["token"], "join", link), "expired")
    join(other, invitation)
    refused(other.typed(token, "join", link, "--name", "again"), "used")


def _is_gone(server: Home, invitation: Mapping[str, Any]) -> bool:
    identifier = invitation["token"].partition(".")[0]
    return identifier not in json.dumps(server.json("invite", "--ls"))


def test_a_revoked_key_is_refused_at_the_door_and_in_a_task_that_waits(
    server: Home, other: Home, person: Home
) -> None:
    invitations = opened(server, "--no-worker")
    join(other, invitations["worker"])
    join(person, invitations["submitter"])
    task_id = person.text("submit", person.script("print('never')")).strip()
    user = next(m["user"] for m in server.json("key", "ls")["members"] if m["role"] == "submitter")

    server.text("key", "rm", user, "--yes")
    refused(person("ps"), "was removed", "rq-agent invite submitter")
    other.start("work", "--name", "second")
    until(lambda: server.task(task_id)["state"] == "errored", "it ended")

    assert "was removed from the keyring" in json.dumps(server.task(task_id))
    assert server.text("logs", task_id) == ""


def test_a_role_may_do_no_more_than_it_is_for(server: Home, other: Home, person: Home) -> None:
    invitations = opened(server)
    join(other, invitations["viewer"])
    join(person, invitations["submitter"])
    (worker,) = server.workers()

    refused(person("worker", "drain", worker["name"]), "may submit", "rq-agent invite operator")
    refused(other("submit", other.script("")), "may look", "rq-agent invite submitter")
    assert [w["state"] for w in server.workers()] == ["idle"]
    seen = [[each["name"] for each in home.workers()] for home in (other, person)]
    assert seen == [[worker["name"]]] * 2


def test_up_on_a_machine_that_joined_runs_what_its_role_may(
    server: Home, other: Home, person: Home
) -> None:
    invitations = opened(server, "--no-worker")
    join(other, invitations["worker"])
    join(person, invitations["viewer"])

    of_worker = other.json("up", "--no-web", "--services=0")
    refused(other("up", "--listen", other.address), "has a port of its own", code=2)
    refused(person("up", "--worker"), "as a viewer", code=2)

    assert [each["name"] for each in of_worker["parts"]] == ["worker"]
    assert [w["pid"] for w in server.workers()] == [of_worker["parts"][0]["pid"]]
    assert other.json("down")["up_stopped"]
    assert server.workers() == []


def test_plain_text_is_answered_with_what_to_do(server: Home, other: Home) -> None:
    opened(server, "--no-worker")

    done = other("ps", "--redis", f"redis://{server.address}:{PORT}")

    refused(done, "speaks TLS only", "rq-agent up", code=5)


def test_a_killed_relay_is_back_within_seconds(server: Home, other: Home) -> None:
    invitations = opened(server, "--no-worker")
    join(other, invitations["viewer"])
    kill(part(server.json("up"), "relay")["pid"])

    until(lambda: other("ps").returncode == 0, "it is back")
