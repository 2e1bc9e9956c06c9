"""`rq-agent context` and `config` as a person uses them."""

import json
import stat
from pathlib import Path

import pytest

from .terminal import Terminal

SECRET = "redis://lab:s3cret@gpu.lab:6379/0"


def add(terminal: Terminal, name: str, url: str, *options: str) -> None:
    """Add a context as a script would."""
    done = terminal.fed(f"{url}\n", "context", "add", name, "-", *options)
    assert done.returncode == 0, done.stderr.decode()


def test_at_first_there_is_only_the_embedded_server(terminal: Terminal) -> None:
    shown = terminal.text("context", "ls").split("\n")

    assert [line.split() for line in shown if line] == [
        ["CONTEXT", "SERVER", "NAMESPACE", "ROLE"],
        ["*", "local", "embedded", "local"],
    ]
    assert not (terminal.home / "config").exists()


def test_contexts_are_listed_without_their_passwords_and_the_current_one_has_a_star(
    terminal: Terminal,
) -> None:
    add(terminal, "lab", SECRET, "--namespace", "vision", "--use")
    add(terminal, "other", "redis://other")

    listed = terminal.json("context", "ls")
    text = terminal.text("context", "ls")

    assert listed["schema"] == 1
    assert [
        (c["name"], c["server"], c["namespace"], c["is_current"]) for c in listed["contexts"]
    ] == [
        ("local", "embedded", "", False),
        ("lab", "redis://lab:***@gpu.lab:6379/0", "vision", True),
        ("other", "redis://other:6379/0", "", False),
    ]
    assert "*  lab " in text
    assert "s3cret" not in text + json.dumps(listed)


def test_what_is_written_is_for_its_owner_only(terminal: Terminal) -> None:
    add(terminal, "lab", SECRET, "--use")

    config = terminal.home / "config"
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in [config, *config.rglob("*")]}
    assert modes == {
        "config": 0o700,
        "contexts": 0o700,
        "lab.toml": 0o600,
        "current-context": 0o600,
    }


def test_a_password_among_the_arguments_is_refused_with_the_reason(terminal: Terminal) -> None:
    done = terminal("context", "add", "lab", SECRET)

    words = done.stderr.decode()
    assert (done.returncode, done.stdout) == (2, b"")
    assert "everybody on this machine can read arguments" in words
    assert "rq-agent context add lab -" in words
    assert "s3cret" not in words
    assert not (terminal.home / "config").exists()


def test_an_address_without_a_password_may_be_an_argument(terminal: Terminal) -> None:
    assert terminal.text("context", "add", "lab", "redis://lab") == "lab redis://lab:6379/0\n"


def test_a_name_that_is_taken_is_kept_unless_it_is_said(terminal: Terminal) -> None:
    terminal.text("context", "add", "lab", "redis://one")

    done = terminal("context", "add", "lab", "redis://two")
    assert (done.returncode, b"--replace" in done.stderr) == (2, True)
    assert "redis://one" in terminal.text("context", "show", "lab")

    terminal.text("context", "add", "lab", "redis://two", "--replace")
    assert "redis://two" in terminal.text("context", "show", "lab")


def test_a_command_uses_the_context_that_it_names(terminal: Terminal) -> None:
    terminal.text("context", "add", "lab", "unix:///nowhere/lab.sock")

    away = terminal("ps", "--context", "lab")
    before = terminal("--context", "lab", "ps")
    here = terminal("ps")

    assert (away.returncode, before.returncode, here.returncode) == (5, 5, 0)
    assert b"/nowhere/lab.sock" in away.stderr


def test_use_makes_a_context_the_one_that_commands_speak_to(terminal: Terminal) -> None:
    terminal.text("context", "add", "lab", "unix:///nowhere/lab.sock")

    assert terminal.text("context", "use", "lab") == "lab unix:///nowhere/lab.sock\n"
    assert terminal("ps").returncode == 5
    assert terminal("ps", "--context", "local").returncode == 0
    assert terminal.text("context", "use", "local") == "local the embedded server\n"
    assert terminal("ps").returncode == 0


def test_a_variable_that_outranks_the_current_context_is_said(terminal: Terminal) -> None:
    done = terminal("context", "use", "local", RQ_AGENT_REDIS_URL="redis://u:s3cret@x")

    assert done.returncode == 0
    assert b"RQ_AGENT_REDIS_URL is set here: it outranks" in done.stderr
    assert b"s3cret" not in done.stderr


@pytest.mark.parametrize("verb", ["use", "show", "rm"])
def test_an_unknown_context_is_answered_with_near_names(terminal: Terminal, verb: str) -> None:
    terminal.text("context", "add", "lab", "redis://lab")

    done = terminal("context", verb, "lba")

    assert (done.returncode, done.stdout) == (3, b"")
    assert done.stderr == b"rq-agent: no context is named lba; did you mean lab?\n"


def test_removing_the_current_context_asks_first(terminal: Terminal) -> None:
    add(terminal, "lab", SECRET, "--use")

    refused = terminal.fed("", "context", "rm", "lab")
    assert (refused.returncode, b"say --yes" in refused.stderr) == (2, True)

    removed = terminal("context", "rm", "lab", "--yes")
    assert (removed.returncode, removed.stdout) == (0, b"lab removed\n")
    assert b"now in use: the embedded server" in removed.stderr
    assert [c["name"] for c in terminal.json("context", "ls")["contexts"]] == ["local"]


def test_another_context_is_removed_without_a_question(terminal: Terminal) -> None:
    terminal.text("context", "add", "lab", "redis://lab")

    assert terminal.text("context", "rm", "lab") == "lab removed\n"


@pytest.mark.parametrize("name", ["local", "config"])
def test_what_has_no_file_is_not_removed(terminal: Terminal, name: str) -> None:
    done = terminal("context", "rm", name)

    assert (done.returncode, b"no file of its own" in done.stderr) == (2, True)


def test_a_stale_current_context_stops_commands_but_not_its_repair(terminal: Terminal) -> None:
    add(terminal, "lab", SECRET, "--use")
    (terminal.home / "config/contexts/lab.toml").unlink()

    stale = terminal("ps")
    assert (stale.returncode, stale.stdout) == (2, b"")
    assert b"lab.toml is gone" in stale.stderr
    assert b"rq-agent context use" in stale.stderr

    listed = terminal.json("context", "ls")["contexts"]
    assert [(c["name"], c["is_current"], bool(c["problem"])) for c in listed] == [
        ("local", False, False),
        ("lab", True, True),
    ]
    assert terminal("version").returncode == 0
    assert terminal("context", "rm", "lab", "--yes").returncode == 0
    assert terminal("ps").returncode == 0


def test_a_broken_context_is_listed_with_what_is_wrong(terminal: Terminal) -> None:
    add(terminal, "lab", SECRET)
    (terminal.home / "config/contexts/lab.toml").chmod(0o644)

    done = terminal("context", "ls")

    assert done.returncode == 0
    assert b"not usable" in done.stdout
    assert b"chmod 600" in done.stderr
    assert terminal("ps", "--context", "lab").returncode == 2


def test_config_show_tells_where_each_setting_comes_from(terminal: Terminal) -> None:
    add(terminal, "lab", SECRET, "--namespace", "vision", "--use")
    (terminal.home / "config/config.toml").write_text('[submit]\nqueue = "gpu"\n')

    shown = terminal.json("config", "show")["settings"]
    other = terminal.json("config", "show", "--redis", "redis://x", "--namespace", "n")["settings"]

    origin = {name: (each["value"], each["from"]) for name, each in shown.items()}
    assert origin["server"] == ("redis://lab:***@gpu.lab:6379/0", "the current context")
    assert origin["namespace"] == ("vision", "context lab")
    assert origin["queue"] == ("gpu", "config.toml")
    assert origin["data folder"] == (str(terminal.home / "data"), "RQ_AGENT_HOME")
    assert other["server"] == {"value": "redis://x:6379/0", "from": "--redis"}
    assert other["namespace"] == {"value": "n", "from": "--namespace"}


def test_config_path_works_with_a_file_that_does_not(terminal: Terminal) -> None:
    path = terminal.home / "config" / "config.toml"
    assert terminal.text("config", "path") == f"{path}\n"

    path.parent.mkdir()
    path.write_text("[redis\n")

    assert terminal.text("config", "path") == f"{path}\n"
    broken = terminal("config", "show")
    assert broken.returncode == 2
    assert f"{path}, line 1, column 7: is not TOML".encode() in broken.stderr


def test_completion_knows_the_contexts(terminal: Terminal, tmp_path: Path) -> None:
    terminal.text("context", "add", "lab", "redis://lab")

    offered = terminal(
        "x",
        _RQ_AGENT_COMPLETE="complete_bash",
        COMP_WORDS="rq-agent ps --context l",
        COMP_CWORD="3",
    ).stdout.split()

    assert offered == [b"lab", b"local"]
