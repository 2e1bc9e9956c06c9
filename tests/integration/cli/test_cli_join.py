"""`join`, `invite` and `key` as people meet them: the real programs, two homes, TLS in between."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rq_agent.cli.joining import default_name

from ...servers import free_port
from .pseudo import Pseudo
from .terminal import Terminal

FIXED = ("--no-web", "--no-worker", "--no-scheduler")


@pytest.fixture
def server(tmp_path: Path, cache: Path) -> Iterator[Terminal]:
    """A person whose machine listens."""
    (tmp_path / "server").mkdir()
    terminal = Terminal(tmp_path / "server", cache)
    done = terminal("up", "--listen", f"127.0.0.1:{free_port()}", *FIXED)
    assert done.returncode == 0, done.stderr.decode()
    yield terminal
    terminal.close()


def invited(server: Terminal, role: str, *options: str) -> Any:
    return server.json("invite", role, *options)["invitation"]


def joined(terminal: Terminal, invitation: Any, *options: str) -> Any:
    """Join with the token in a file; return what was printed."""
    (terminal.code / "token").write_text(invitation["token"])
    return terminal.json("join", invitation["link"], "--token-file", "token", *options)["context"]


def test_from_an_invitation_to_a_task_and_out_again(server: Terminal, terminal: Terminal) -> None:
    context = joined(terminal, invited(server, "submitter", "--queues", "default,low"))

    assert context["role"] == "submitter"
    assert context["is_current"]
    assert context["queues"] == ["default", "low"]
    assert ":***@" in context["server"]
    files = list((terminal.home / "config" / "contexts").iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    task_id = terminal.text("submit", terminal.script("print('hi')")).strip()
    assert server.task(task_id)["state"] == "queued"

    (member,) = server.json("key", "ls")["members"]
    keys = {key["id"]: key["queues"] for key in server.json("key", "ls")["keys"]}
    assert (member["user"], member["can_log_in"]) == (context["user"], True)
    assert keys[member["key"]] == ["default", "low"]
    removed = server.json("key", "rm", context["user"], "-y")
    assert [login["user"] for login in removed["logins"]] == [context["user"]]
    assert removed["keyring"]
    assert server.json("key", "ls")["members"] == []

    refused = terminal("ps")
    assert refused.returncode == 4
    assert b"it was removed; ask whoever runs that server for a new invitation" in refused.stderr


def test_a_worker_that_joined_runs_what_the_owner_submits(
    server: Terminal, terminal: Terminal
) -> None:
    joined(terminal, invited(server, "worker"), "--name", "lab")
    task_id = server.text("submit", server.script("print('from the server')")).strip()

    done = terminal("work", "--once")

    assert done.returncode == 0, done.stderr.decode()
    assert server.task(task_id)["state"] == "succeeded", done.stderr.decode()
    names = {key["name"] for key in terminal.json("key", "ls")["keys"] if key["keeper"]}
    assert len(names) == 1


def test_what_a_colleague_signed_can_be_cloned(
    server: Terminal, terminal: Terminal, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = Terminal(tmp_path / "other", cache)
    joined(terminal, invited(server, "submitter"))
    joined(other, invited(server, "submitter"))
    task_id = terminal.text("submit", terminal.script("print('hi')")).strip()

    clone = other("clone", task_id)

    assert clone.returncode == 0, clone.stderr.decode()


def test_the_token_is_read_from_stdin_and_nothing_secret_is_printed(
    server: Terminal, terminal: Terminal
) -> None:
    invitation = invited(server, "viewer")

    done = terminal.fed(invitation["token"] + "\n", "join", invitation["link"])

    assert done.returncode == 0, done.stderr.decode()
    (file,) = (terminal.home / "config" / "contexts").glob("*.toml")
    password = file.read_text().split("://")[1].split("@")[0].split(":")[1]
    printed = (done.stdout + done.stderr).decode()
    assert len(password) == 64
    assert password not in printed
    assert invitation["token"].partition(".")[2] not in printed
    assert "joined as viewer, namespace default" in printed


def test_a_used_token_and_a_taken_name_are_told(server: Terminal, terminal: Terminal) -> None:
    invitation = invited(server, "worker")
    joined(terminal, invitation, "--name", "lab")

    taken = terminal("join", invitation["link"], "--token-file", "token", "--name", "lab")
    used = terminal("join", invitation["link"], "--token-file", "token", "--name", "lab2")

    assert (taken.returncode, used.returncode) == (2, 4)
    assert b"there is a context lab already: choose another name" in taken.stderr
    assert b"the token has expired or was used; ask for a new one: rq-agent invite" in used.stderr
    assert b"Traceback" not in taken.stderr + used.stderr


def test_open_invitations_are_listed_and_taken_back(server: Terminal) -> None:
    before = {token["id"] for token in server.json("invite", "--ls")["tokens"]}
    invitation = invited(server, "operator", "--uses", "3", "--expires", "1h", "--name", "ci")

    (listed,) = (t for t in server.json("invite", "--ls")["tokens"] if t["id"] not in before)
    assert (listed["role"], listed["uses"], listed["name"]) == ("operator", 3, "ci")
    assert invitation["token"].partition(".")[2] not in json.dumps(listed)
    assert invitation["id"] in server.text("invite", "--ls")

    assert server("invite", "--revoke", invitation["id"]).returncode == 0
    again = server("invite", "--revoke", invitation["id"])
    assert again.returncode == 3
    assert b"no open token has the id" in again.stderr


def test_a_key_is_trusted_everywhere_and_nowhere_again(server: Terminal) -> None:
    (server.code / "ada.pub").write_text(LINE)

    added = server.json("key", "add", "ada.pub", "--everywhere", "--queues", "low")["key"]

    listed = {key["id"]: key for key in server.json("key", "ls")["keys"]}
    assert listed[added["id"]]["source"] == "own keyring"
    assert listed[added["id"]]["queues"] == ["low"]
    assert server.json("key", "rm", added["id"], "-y")["keyring"]
    assert added["id"] not in {key["id"] for key in server.json("key", "ls")["keys"]}


def test_who_mistypes_the_token_is_asked_again(server: Terminal, terminal: Terminal) -> None:
    invitation = invited(server, "viewer")
    wrong = invitation["token"][:-1] + ("a" if invitation["token"][-1] != "a" else "b")

    join = Pseudo(terminal, "join", invitation["link"], "--name", "lab")
    shown = ""
    for typed in ("nonsense", wrong, invitation["token"]):
        shown += join.until("Token (not shown): ")
        join.forget()
        join.type(typed + "\n")
    shown += join.until("joined as viewer")

    assert join.end() == 0
    assert "typing error" in shown
    assert invitation["token"] not in shown


WRONG = [
    (("invite",), 2, "say as what to invite: rq-agent invite submitter|worker"),
    (("invite", "wroker"), 2, "did you mean worker?"),
    (("invite", "worker"), 2, "no other machine can come in"),
    (("invite", "worker", "--uses", "0"), 2, "--uses 0: write a whole number from 1 to 32"),
    (("invite", "worker", "--uses", "many"), 2, "--uses many: write a whole number"),
    (("invite", "worker", "--expires", "soon"), 2, "--expires soon: write a time"),
    (("invite", "worker", "--queues", "a b"), 2, "queue 'a b': write the name of a queue"),
    (("invite", "worker", "--ls"), 2, "--ls invites nobody: leave worker out"),
    (("invite", "--ls", "--revoke", "x"), 2, "--ls and --revoke are two commands"),
    (("invite", "worker", "--redis", "redis://127.0.0.1:1"), 2, "is not this user's own server"),
    (("join",), 2, "Missing argument|missing argument"),
    (("join", "lab"), 2, "the link has no ://"),
    (("join", "redis://h:1"), 2, "is the address of a server, not a link"),
    (("join", "rqa+tls://worker@h:1/n"), 2, "the link has no ?key="),
    (("key", "add", "nowhere.pub"), 2, "no such file, and not the line of a key"),
    (("key", "add", "rqa-ed25519 x"), 2, "not the line of a public key"),
    (("key", "add", "rqa+tls://x"), 2, "that is a link or an address"),
    (("key", "add", "LINE", "--queues", ""), 2, "--queues"),
    (("key", "add", "LINE", "--everywhere"), 2, "the machine that signs a keyring"),
    (("key", "rm", "ffff", "-y"), 3, "no key or login is called 'ffff'"),
    (("key", "rm", "", "-y"), 2, "is empty"),
    (("key", "rm"), 2, "Missing argument|missing argument"),
]
LINE = "rqa-ed25519 " + "A" * 43 + "= ada@lab"


@pytest.mark.parametrize(("words", "code", "told"), WRONG)
def test_a_wrong_command_line_is_told_in_words(
    terminal: Terminal, words: tuple[str, ...], code: int, told: str
) -> None:
    done = terminal(*(LINE if word == "LINE" else word for word in words))

    said = done.stderr.decode()
    assert done.returncode == code, said
    assert any(part in said for part in (told, *told.split("|"))), said
    assert done.stdout == b""
    assert "Traceback" not in said


def test_keys_are_added_shown_and_removed(terminal: Terminal) -> None:
    own = terminal.json("key", "show")["key"]
    assert terminal.text("key", "show").strip() == own["line"]
    (terminal.code / "ada.pub").write_text(LINE + "\n")

    added = terminal.json("key", "add", "ada.pub", "--queues", "gpu-*,low")["key"]
    assert terminal("key", "add", "ada.pub", "--queues", "low,gpu-*").returncode == 0
    other = terminal("key", "add", "ada.pub")
    assert other.returncode == 2
    assert b"is trusted already, for the queues gpu-*, low" in other.stderr

    listed = {key["id"]: key for key in terminal.json("key", "ls")["keys"]}
    assert listed[own["id"]]["is_own"]
    assert listed[added["id"]]["queues"] == ["gpu-*", "low"]
    assert listed[added["id"]]["name"] == "ada@lab"

    unsure = terminal("key", "rm", added["id"][:6])
    assert unsure.returncode == 2
    assert b"say --yes" in unsure.stderr
    assert terminal("key", "rm", added["id"][:6], "-y").returncode == 0
    assert added["id"] not in {key["id"] for key in terminal.json("key", "ls")["keys"]}


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("gpu-1.lab.example", "gpu-1"),
        ("10.0.0.1", "10.0.0.1"),
        ("fd00::1", "fd00--1"),
        ("::1", "1"),
        ("localhost", "localhost"),
        ("...", "server"),
    ],
)
def test_a_context_is_named_for_its_host(host: str, name: str) -> None:
    assert default_name(host) == name


def test_a_token_file_that_cannot_be_read_is_told(terminal: Terminal) -> None:
    link = f"rqa+tls://worker@127.0.0.1:1/lab?key={'A' * 43}#{'A' * 43}"
    (terminal.code / "binary").write_bytes(os.urandom(64) + b"\xff\xfe")

    for name, words in (("nowhere", "No such file"), ("binary", "is not text"), (".", "directory")):
        done = terminal("join", link, "--token-file", name)
        assert done.returncode == 2
        assert words in done.stderr.decode()
    assert b"no token was given" in terminal.fed("", "join", link).stderr
    assert b"not whole" in terminal.fed("abc\n", "join", link).stderr
