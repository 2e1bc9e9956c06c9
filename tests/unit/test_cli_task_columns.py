"""Columns of lists of tasks: chosen, sorted, shown."""

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.record import Record, parse
from rq_agent.cli.render.task_columns import (
    COLUMNS,
    USUAL,
    chosen,
    columns_of,
    row,
    sorted_by,
    sorting,
)

NOW_S = 100.0


def record(task_id: str, **fields: str) -> Record:
    extra = {b"labels": b'{"b":"2","a":"1"}', b"reason": b"exit 4"}
    stored = {name.encode(): value.encode() for name, value in fields.items()}
    return parse(TaskId(task_id), stored, extra, {})


FAILED = record(
    "1",
    state="failed",
    queue="q",
    exit_code="4",
    fence="2",
    worker="box-1",
    user="ann",
    created_ms="1000",
    started_ms="2000",
    finished_ms="4500",
)
QUEUED = record("2", state="queued", queue="q", created_ms="90000")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", USUAL),
        ("all", tuple(COLUMNS)),
        ("state, ID ,state", ("state", "id")),
        ("+exit,queue", (*USUAL, "exit")),
    ],
)
def test_columns_are_chosen_by_name(text: str, names: tuple[str, ...]) -> None:
    assert chosen(text) == names


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id,stat", "--columns 'stat': no such column; did you mean state?"),
        ("id,,state", "--columns '': no such column; known: id, name, "),
        ("zzz", "--columns 'zzz': no such column; known: id, name, "),
    ],
)
def test_a_column_that_is_none_is_refused_with_near_names(text: str, words: str) -> None:
    with pytest.raises(UsageError) as refused:
        chosen(text)

    assert words in str(refused.value)


def test_every_column_shows_any_task() -> None:
    shown = [cell.text for cell in row(FAILED, tuple(COLUMNS), NOW_S)]

    told = dict(zip(COLUMNS, shown, strict=True))
    assert (told["id"], told["state"], told["exit"], told["reason"]) == (
        "1",
        "failed (exit 4)",
        "4",
        "exit 4",
    )
    assert (told["time"], told["attempts"], told["labels"]) == ("2.5s", "1 (claim 2)", "a=1, b=2")
    assert (told["phase"], told["pos"]) == ("", "")
    assert row(QUEUED, ("time", "finished"), NOW_S)[0].text == "10.0s"


def test_tasks_are_sorted_and_those_with_nothing_there_stand_last() -> None:
    ten = record("3", state="failed", exit_code="10")
    tasks = [QUEUED, ten, FAILED]

    assert sorted_by(tasks, sorting("exit"), NOW_S) == [FAILED, ten, QUEUED]
    assert sorted_by(tasks, sorting("-exit"), NOW_S) == [ten, FAILED, QUEUED]
    assert [r.id for r in sorted_by(tasks, sorting("-id"), NOW_S)] == ["3", "2", "1"]
    with pytest.raises(UsageError, match="--sort 'tme': no such column; did you mean time"):
        sorting("tme")


def test_columns_that_were_asked_for_stay_where_it_is_narrow() -> None:
    assert any(column.rank for column in columns_of(USUAL))
    assert not any(column.rank for column in columns_of(("id", "queue", "user")))
