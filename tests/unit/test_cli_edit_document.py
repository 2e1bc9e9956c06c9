"""The document that people edit says what they may change, and where they slipped."""

import tomllib
from typing import Any

import msgspec
import pytest

from rq_agent.broker.clones import Changes
from rq_agent.broker.errors import UsageError
from rq_agent.cli import values
from rq_agent.cli.edit_document import Page, duration_text, read, write
from rq_agent.cli.sheets import Sheet, changes_between, words_of

A, B = "0" * 16, "0" * 15 + "1"
SHEET = Sheet(
    name="train.py",
    queue="gpu",
    priority=-3,
    labels={"team": "a b"},
    arguments=("--data", 'a "b"\n\\c'),
    params={"lr": "0.10", "opt.name": "adam", "ü": "#"},
    env={"A": "1"},
    timeout_s=5400.5,
    grace_s=30.0,
    gpus=2,
    cpus=0.5,
    mem_mib=1536,
)
PAGES = [
    Page(id=A, sheet=SHEET, note="queued, position 1"),
    Page(id=B, sheet=Sheet(name="n", queue="q", priority=0, labels={}), note="draft"),
]


def changed(old: str, new: str, text: str = "") -> Any:
    text = text or write(PAGES)
    assert old in text
    return read(text.replace(old, new, 1), PAGES, "f")


def test_what_is_not_touched_stays_exactly_as_it_is() -> None:
    found = read(write(PAGES), PAGES, "f")

    assert found == {page.id: page.sheet for page in PAGES}
    assert all(changes_between(p.sheet, found[p.id]) == Changes() for p in PAGES)
    assert len(tomllib.loads(write(PAGES))["task"]) == 2


@pytest.mark.parametrize(
    ("old", "new", "field", "value"),
    [
        ('name = "train.py"', 'name = "x"', "name", "x"),
        ('queue = "gpu"', 'queue = "low"', "queue", "low"),
        ("priority = -3", "priority = 7", "priority", 7),
        ("priority = -3", 'priority = "high"', "priority", 64),
        ('timeout = "1h30m0.5s"', 'timeout = "90s"', "timeout_s", 90.0),
        ("gpus = 2", "gpus = 0", "gpus", 0),
        ("cpus = 0.5", "cpus = 4", "cpus", 4.0),
        ('mem = "1536M"', 'mem = "2G"', "mem_mib", 2048),
        ('mem = "1536M"', 'mem = ""', "mem_mib", 0),
        ('arguments = ["--data"', 'arguments = [5, "--data"', "arguments", ("5", *SHEET.arguments)),
        ('team = "a b"', 'team = "c"', "labels", {"team": "c"}),
        ('A = "1"\n', "", "env", {}),
        ('lr = "0.10"', "lr = 0.20", "params", {**SHEET.params, "lr": "0.20"}),
        ('lr = "0.10"', "lr = 1e-5", "params", {**SHEET.params, "lr": "1e-5"}),
        ('lr = "0.10"', "lr = true", "params", {**SHEET.params, "lr": "true"}),
    ],
)
def test_what_is_changed_is_the_only_thing_that_is_otherwise(
    old: str, new: str, field: str, value: object
) -> None:
    if field == "timeout_s":
        old = f'timeout = "{duration_text(5400.5)}"'

    assert changed(old, new)[A] == msgspec.structs.replace(SHEET, **{field: value})


def test_a_table_that_is_gone_is_empty_and_a_value_that_is_gone_stays() -> None:
    text = write(PAGES[:1])
    text = text[: text.index("[task.params]")].replace('queue = "gpu"\n', "")

    [sheet] = read(text, PAGES, "f").values()

    assert sheet == msgspec.structs.replace(SHEET, params={}, env={}, labels={})


def test_a_task_that_is_gone_stays_as_it_is() -> None:
    assert list(read(write(PAGES[:1]), PAGES, "f")) == [A]
    assert read("", PAGES, "f") == {}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("priority = -3", "priority = = 3", "line 11, column 12: is not TOML"),
        ("priority = -3", "prioriti = 3", "line 11, column 1: prioriti .* did you mean priority"),
        ("priority = -3", "priority = 300", "line 11, column 1: --priority 300"),
        ("priority = -3", "priority = []", "line 11, column 1: priority: write a text"),
        ('queue = "gpu"', 'queue = "a b"', "line 10, column 1: .*'a b'"),
        ('queue = "gpu"', 'queue = ""', "line 10, column 1: queue is empty"),
        (f'id = "{A}"', 'id = "x"', "line 8, column 1: 'x' is no task of this document"),
        (f'id = "{A}"', f'id = "{B}"', f"line .*: task {B} stands here twice"),
        (f'id = "{A}" # queued, position 1\n', "", "line 7, column 1: this task has lost its id"),
        ('lr = "0.10"', "lr = [1]", "line 20, column 1: params.lr: write a text or a number"),
        ('A = "1"', 'RQ_AGENT_X = "1"', "rq-agent sets this variable itself"),
        ('team = "a b"', f'"{"x" * 256}" = "1"', "is not acceptable"),
        ("gpus = 2", "gpus = -2", "gpus -2"),
        ("[task.env]", "[task.evn]", "line 24, column 7: evn .* did you mean env"),
        ("[[task]]", "x = 1\n[[task]]", "line 7, column 1: x is not known outside of a table"),
    ],
)
def test_a_slip_is_told_with_its_place(old: str, new: str, words: str) -> None:
    with pytest.raises(UsageError, match=f"^f, .*{words}"):
        changed(old, new)


def test_what_a_stranger_signed_can_not_be_changed_but_moved() -> None:
    plain = Sheet(name="n", queue="q", priority=0, labels={"a": "b"})
    page = Page(id=A, sheet=plain, note="queued", problem="key 12 is not yours")
    text = write([page])

    assert read(text.replace("priority = 0", "priority = 1"), [page], "f")[A].priority == 1
    assert "the rest can't be changed by you: key 12 is not yours" in text
    with pytest.raises(UsageError, match="timeout can't be changed by you: key 12"):
        read(text.replace("priority = 0", 'timeout = "1s"'), [page], "f")


@pytest.mark.parametrize("seconds", [0, 0.5, 1, 59, 90, 3600, 5400.25, 86_399, 90_061, 31_536_000])
def test_a_time_is_read_as_it_was_written(seconds: float) -> None:
    assert values.duration_s(duration_text(seconds), "x") == seconds


def test_changes_are_told_by_their_names() -> None:
    other = msgspec.structs.replace(
        SHEET, params={"lr": "1"}, mem_mib=0, timeout_s=1.0, queue="x", arguments=(), labels={}
    )

    changes = changes_between(SHEET, other)

    assert changes.needs == {"mem_mib": 0}
    assert (changes.params, changes.without_params) == ({"lr": "1"}, ("opt.name", "ü"))
    assert words_of(changes) == (
        "queue, timeout, arguments, mem, params.lr, params.opt.name, params.ü, labels.team"
    )
