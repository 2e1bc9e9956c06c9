"""What commands print with `--json` is what docs/schemas/ says: nothing is missing, nothing more."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator

from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.cli.schemas.kinds import KINDS

from ...scripts.steps import add, beat, claim_one, finish
from ...servers import free_port
from .terminal import Terminal
from .test_cli_logs import write

LIGHT: Final = Need(light=True)
HOST: Final = '{"number":1,"kind":"coroutine","pid":7,"tasks":1,"rss_mib":9.5,"lag_ms":0.1}'
FOLDER: Final = Path(__file__).parents[3] / "docs" / "schemas"

CASES: Final[Mapping[str, tuple[tuple[str, ...], ...]]] = {
    "answers": (("label", "waits", "k=v"), ("edit", "waits", "--timeout", "5m")),
    "cancelled": (("cancel", "ended"),),
    "clones": (("rerun", "ended", "-n", "again"), ("clone", "other", "-n", "again")),
    "checks": (("doctor",),),
    "contexts": (("context", "ls"),),
    "details": (("show", "ended"), ("show", "runs"), ("show", "waits")),
    "diff": (("diff", "ended", "waits", "--all", "--patch"),),
    "event": (("events",),),
    "handled": (
        ("label", "--state", "failed", "x=y", "-y"),
        ("rerun", "--failed", "-n", "again", "-y"),
        ("cancel", "--queue", "none", "-y"),
    ),
    "keys": (("key", "ls"),),
    "log": (("logs", "ended"),),
    "moved": (("move", "waits", "--priority", "low"),),
    "preview": (("cancel", "-q", "q", "--dry-run"), ("rm", "-q", "none", "--dry-run")),
    "queue": (("queue", "show", "q"),),
    "queues": (("queue", "ls"),),
    "result": (("result", "ended"),),
    "schedule": (("schedule", "show", "nightly"),),
    "schedules": (("schedule", "ls"),),
    "settings": (("config", "show"),),
    "task": (("wait", "ended"),),
    "tasks": (("ps",), ("wait", "ended", "other")),
    "times": (("schedule", "explain", "0 3 * * *"),),
    "versions": (("version",),),
    "why": (("why", "waits"), ("why", "ended")),
    "worker": (("worker", "show", "w1"), ("worker", "show", "w2")),
    "workers": (("worker", "ls"),),
}
"""Commands by the kind of their output. Tasks: ended, other (ended), runs (on w1), waits."""


@pytest.fixture
async def full(terminal: Terminal, lab: Namespace) -> Terminal:
    """A terminal at a server that has some of everything."""
    script = terminal.script("print('on')")
    for name in ("ended", "other", "runs"):
        terminal.text("submit", "-q", "q", "-n", name, "-l", "k=v", "--env", "MODE=x", script)
    for name in ("ended", "other"):
        claim = await claim_one(lab, "q", worker="w1")
        await write(lab, claim, b"on\n")
        outcome, result = ("succeeded", b'{"n":3}') if name == "ended" else ("failed", b"")
        await finish(lab, claim, outcome, exit_code=0, result=result)
    claim = await claim_one(lab, "q", worker="w1")
    await beat(lab, claim, worker="w1", facts={"queues": '["q"]', "slots": "2"})
    await add(lab, queue="light", need=LIGHT)
    await claim_one(lab, "light", worker="w2", needs=(LIGHT,))
    await beat(lab, worker="w2", facts={"services": "9", "hosts": f"[{HOST}]"})
    terminal.script("print('changed')")
    terminal.text("submit", "-q", "q", "-n", "waits", "--gpus", "1", "--after", "runs", script)
    terminal.text("schedule", "add", "nightly", "0 3 * * *", script)
    return terminal


def strict(part: Any) -> Any:
    """Return a schema that lets nothing pass which it does not name."""
    if isinstance(part, list):
        return [strict(each) for each in part]
    if not isinstance(part, dict):
        return part
    made = {name: strict(each) for name, each in part.items()}
    return {**made, "additionalProperties": False} if "properties" in made else made


def test_every_kind_has_a_command_that_is_looked_at() -> None:
    assert set(CASES) | {"invitation", "tokens"} == set(KINDS)


def test_invitations_are_what_their_schemas_say(terminal: Terminal) -> None:
    terminal.text("up", "--listen", f"127.0.0.1:{free_port()}", "--no-worker", "--no-web")

    made = terminal.json("invite", "submitter", "--queues", "a,b-*")
    listed = terminal.json("invite", "--ls")

    assert problems("invitation", made) == problems("tokens", listed) == []
    assert made["invitation"]["id"] in {token["id"] for token in listed["tokens"]}


def problems(kind: str, printed: Any) -> list[str]:
    schema = strict(json.loads((FOLDER / f"{kind}.json").read_text("utf-8")))
    return [error.message for error in Draft202012Validator(schema).iter_errors(printed)]


async def test_what_commands_print_is_what_their_schemas_say(full: Terminal) -> None:
    for kind, commands in CASES.items():
        for command in commands:
            done = full(*command, "--json")
            printed = done.stdout.decode().splitlines()
            assert printed, (command, done.stderr.decode())
            assert KINDS[kind].is_line or len(printed) == 1, command
            for line in printed:
                errors = problems(kind, json.loads(line))
                assert not errors, (command, errors)


async def test_empty_lists_are_lists_too(terminal: Terminal, lab: Namespace) -> None:
    for kind in ("queues", "schedules", "tasks", "workers"):
        found = terminal.json(*CASES[kind][0])
        more: Any = {"sub_workers": []} if kind == "workers" else {}
        assert found == {"schema": 1, kind: [], **more}
