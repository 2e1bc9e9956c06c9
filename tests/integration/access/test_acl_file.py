"""deploy/redis/users.acl grants what the code sends; test_acl.py shows that servers agree."""

import re
from pathlib import Path
from typing import Final

import pytest

from rq_agent.broker import script_text
from rq_agent.broker.roles import LOCAL, ROLES, rules

from .guarded import DEPLOY

BROKER: Final = Path(script_text.__file__).parent
NAMES: Final = sorted(
    path.stem
    for path in (BROKER / "lua").glob("*.lua")
    if "-- KEYS[1]  prefix" in path.read_text().partition("\n\n")[0] and path.stem != "prelude"
)

OF_WORKERS: Final = frozenset(
    {
        *("append", "beat", "claim", "finish", "hang", "hello", "leave", "phase", "tick", "used"),
        *("archived", "collect", "cron_fire", "purge", "recreate", "replaced"),
    }
)
"""Scripts that only a worker or the scheduler runs, which use the same user."""

READING: Final = frozenset(
    {
        *("exists", "get", "getrange", "hget", "hgetall", "hlen", "hmget", "info", "lrange"),
        *(
            "ping",
            "scard",
            "smembers",
            "srandmember",
            "strlen",
            "time",
            "type",
            "xlen",
            "xrange",
            "xread",
        ),
        *("xrevrange", "zcard", "zcount", "zrange", "zrangebylex", "zrangebyscore"),
        *("zrevrange", "zrevrangebylex", "zrevrangebyscore", "zscore"),
    }
)
MAY_BE_REFUSED: Final = frozenset({"config_get", "client_id", "client_list", "shutdown"})
"""What is asked where it is allowed, or of the embedded server, whose one user may everything."""
NOT_EVERYWHERE: Final = frozenset({"waitaof"})
"""What older servers don't know, so that they take no file which grants it."""
SENDS: Final = re.compile(r"(?:redis|pipe)\.([a-z_]+)\(")
OPTIONS: Final = frozenset(
    {"ASC", "BYLEX", "BYSCORE", "COUNT", "LIMIT", "MAXLEN", "MINID", "REV", "WITHSCORES"}
)
"""Words of scripts in capitals that are no commands."""
CLIENTS: Final = frozenset(
    {"aclose", "call", "client", "execute", "pipeline", "evalsha", "script_load", "pack_command"}
)
"""Methods of the client that are no commands, or those that run scripts."""


def granted(user: str) -> set[str]:
    (line,) = re.findall(rf"^user {user} (.*)$", (DEPLOY / "users.acl").read_text(), re.MULTILINE)
    return {word.removeprefix("+") for word in line.split(" ") if word.startswith("+")}


def sent_by_script(name: str) -> set[str]:
    code = "\n".join(line.partition("--")[0] for line in script_text.source(name).splitlines())
    return {word.lower() for word in set(re.findall(r'"([A-Z]{3,})"', code)) - OPTIONS}


def sent_directly() -> set[str]:
    """Return what members send: broker/joining is for the server's owner and those who join."""
    paths = [path for path in BROKER.glob("**/*.py") if "joining" not in path.parts]
    text = "\n".join(path.read_text() for path in paths)
    return set(SENDS.findall(text)) - CLIENTS


@pytest.mark.parametrize("name", NAMES)
def test_whoever_calls_a_script_may_send_its_commands(name: str) -> None:
    users = ["worker"] if name in OF_WORKERS else ["submitter", "worker"]

    lacking = {user: sorted(sent_by_script(name) - granted(user)) for user in users}

    assert lacking == {user: [] for user in users}, "add them to deploy/redis/users.acl"


def test_no_command_of_a_script_is_hidden_from_this_test() -> None:
    for path in (BROKER / "lua").glob("*.lua"):
        code = "\n".join(line.partition("--")[0] for line in path.read_text().splitlines())
        hidden = re.findall(r"\b(?:call|try)\((?!\s*\"|\.\.\.\))", code)  # `...`: named by callers
        assert not hidden, path.name


def test_everybody_may_read_what_is_read_without_a_script() -> None:
    reading = sent_directly() & READING

    lacking = {user: sorted(reading - granted(user)) for user in ROLES}

    assert lacking == {user: [] for user in ROLES}, "add them to deploy/redis/users.acl"


def test_who_submits_may_write_what_is_written_without_a_script() -> None:
    writing = sent_directly() - READING - MAY_BE_REFUSED - NOT_EVERYWHERE

    assert writing == {"hset", "set", "wait"}
    assert writing <= granted("submitter") & granted("worker")
    assert not writing & granted("viewer")


def test_nobody_but_the_admin_has_a_whole_class_of_commands() -> None:
    for user in ROLES:
        assert not [word for word in granted(user) if "@" in word]


def test_the_file_holds_no_password_and_lets_nobody_in_as_it_is() -> None:
    text = (DEPLOY / "users.acl").read_text()

    assert "nopass" not in text
    assert not re.search(r" [><!]| #[0-9a-f]{64}\b", text)
    assert "\nuser default" not in text.replace("user default off ", "")


@pytest.mark.parametrize("role", ROLES)
def test_a_role_of_the_file_is_what_the_code_gives_to_who_joins(role: str) -> None:
    (line,) = re.findall(rf"^user {role} (.*)$", (DEPLOY / "users.acl").read_text(), re.MULTILINE)

    assert line == " ".join(("on", f"#{role.upper()}_SHA256", *rules(role, "NAMESPACE")))


@pytest.mark.parametrize("role", ROLES)
def test_who_writes_may_wait_for_the_disk_where_the_server_can_tell(role: str) -> None:
    more = set(rules(role, "lab", knows_waitaof=True)) - set(rules(role, "lab"))

    assert more == (set() if role == "viewer" else {"+waitaof"})


def test_whoever_runs_the_server_may_everything() -> None:
    assert rules(LOCAL, "lab")[-3:] == ("~*", "&*", "+@all")
