"""clone, rerun, enqueue, dequeue, reset, archive, label and cancel, by name and by filter."""

import json

import pytest

from .terminal import Terminal, until_line


@pytest.fixture
def script(terminal: Terminal) -> str:
    return terminal.script(
        """
        import argparse, sys
        parser = argparse.ArgumentParser()
        parser.add_argument("--rate", type=float, default=0.5)
        print(parser.parse_args().rate)
        """
    )


def submit(terminal: Terminal, script: str, *options: str) -> str:
    return terminal.text("submit", *options, script).strip()


def state(terminal: Terminal, task_id: str) -> str:
    return str(terminal.task(task_id)["state"])


def test_a_task_is_run_again_as_it_was_and_with_other_parameters(
    terminal: Terminal, script: str
) -> None:
    first = submit(terminal, script, "--set", "rate=2", "-l", "team=a", "-n", "train")

    again = terminal.text("rerun", first).strip()
    other = terminal.text("rerun", "--set", "rate=3", "-n", "other", "-p", "high", first).strip()
    terminal("work", "--once")

    assert [terminal.text("logs", each) for each in (first, again, other)] == [
        "2.0\n",
        "2.0\n",
        "3.0\n",
    ]
    shown = [terminal.task(each) for each in (again, other)]
    assert [(t["name"], t["labels"], t["priority"]) for t in shown] == [
        ("train", {"team": "a"}, 0),
        ("other", {"team": "a"}, 64),
    ]


def test_a_clone_is_a_draft_until_it_is_enqueued(terminal: Terminal, script: str) -> None:
    first = submit(terminal, script)

    done = terminal("clone", "--set", "rate=9", first)
    clone = done.stdout.decode().strip()
    assert done.stderr.decode() == f"a clone of {first}: draft, queue default\n"
    assert state(terminal, clone) == "draft"

    assert terminal.text("enqueue", "--to", "gpu", clone) == f"{clone} is queued now\n"
    assert terminal.text("enqueue", clone) == f"{clone} is queued already\n"
    assert terminal.task(clone)["queue"] == "gpu"
    assert terminal.text("dequeue", clone) == f"{clone} is a draft now\n"
    terminal("work", "--once", "--queues", "gpu,default")
    assert (state(terminal, clone), state(terminal, first)) == ("draft", "succeeded")


def test_a_task_that_ended_is_reset_and_runs_under_its_id(terminal: Terminal, script: str) -> None:
    task_id = submit(terminal, script)
    terminal("work", "--once")

    assert terminal("enqueue", task_id).returncode == 1
    assert terminal.text("reset", task_id) == f"{task_id} is a draft now\n"
    terminal.text("enqueue", task_id)
    terminal("work", "--once")

    shown = terminal.task(task_id)
    assert (shown["state"], shown["fence"]) == ("succeeded", 2)


def test_what_can_not_be_done_is_said_and_the_rest_is_done(terminal: Terminal, script: str) -> None:
    ended, waits = submit(terminal, script), submit(terminal, script)
    terminal("cancel", ended)

    done = terminal("dequeue", ended, waits)

    assert done.returncode == 1
    assert done.stdout.decode() == f"{waits} is a draft now\n"
    assert f"rq-agent: task {ended}: has ended (cancelled); reset it first" in done.stderr.decode()
    told = terminal("dequeue", "--json", ended, waits)
    assert json.loads(told.stdout)["tasks"] == [
        {"id": ended, "outcome": "state", "detail": "cancelled"},
        {"id": waits, "outcome": "unchanged", "detail": "draft"},
    ]
    unknown = terminal("reset", "nothing-like-it")
    assert (unknown.returncode, b"nothing-like-it" in unknown.stderr) == (3, True)


def test_labels_are_set_and_removed(terminal: Terminal, script: str) -> None:
    task_id = submit(terminal, script, "-l", "team=a")

    assert terminal.text("label", "--set", "best=yes", "--remove", "team", task_id) == (
        f"{task_id} labelled\n"
    )

    assert terminal.task(task_id)["labels"] == {"best": "yes"}
    assert [t["id"] for t in terminal.json("ps", "-l", "best=yes")["tasks"]] == [task_id]
    assert terminal("label", task_id).returncode == 2
    assert terminal("label", "--set", "a=1", "--remove", "a", task_id).returncode == 2


def test_all_tasks_of_a_filter(terminal: Terminal, script: str) -> None:
    ids = [submit(terminal, script, "-q", "a", "-l", "team=x") for _ in range(3)]
    other = submit(terminal, script, "-q", "b")

    shown = terminal("cancel", "-q", "a", "--dry-run")
    assert [line.split()[0] for line in shown.stdout.decode().splitlines()] == ["ID", *ids]
    assert shown.stderr == b"3 tasks to cancel\n"
    found = terminal.json("cancel", "-q", "a", "--dry-run")
    assert (found["matching"], [task["id"] for task in found["tasks"]]) == (3, ids)
    unasked = terminal("cancel", "-q", "a")
    assert unasked.returncode == 2
    assert b"cancel 3 tasks (--queue a): say --yes" in unasked.stderr
    assert terminal.text("dequeue", "-q", "a", "--yes") == "3 dequeued\n"
    assert terminal.text("enqueue", "-l", "team=x", "--yes", "--to", "c") == "3 enqueued\n"
    assert terminal.json("cancel", "-q", "c", "--yes", "--reason", "old") == {
        "schema": 1,
        "handled": 3,
        "counts": {"cancelled": 3},
        "new": [],
    }
    assert {terminal.task(each)["reason"] for each in ids} == {"old"}
    assert terminal.text("reset", "--state", "cancelled", "--yes") == "3 reset\n"
    assert terminal.text("reset", "-q", "nowhere", "--yes") == ""
    assert state(terminal, other) == "queued"
    both = terminal("cancel", "-q", "a", other)
    assert (both.returncode, b"not both" in both.stderr) == (2, True)
    assert terminal("cancel").returncode == 2


def test_a_stranger_is_not_signed_for(terminal: Terminal, script: str) -> None:
    task_id = submit(terminal, script)
    config = terminal.home / "config"
    (config / "keys").rename(config / "old keys")
    (config / "trust.json").unlink()

    done = terminal("rerun", task_id)

    assert done.returncode != 0
    assert done.stdout == b""
    assert f"task {task_id} is not signed anew for you: key " in done.stderr.decode()


def test_a_task_that_left_redis_is_run_again_from_the_archive(
    terminal: Terminal, script: str
) -> None:
    task_id = submit(terminal, script, "--set", "rate=7")
    terminal("work", "--once")
    said = f"{task_id} goes from redis as soon as the archive has it\n"
    assert terminal.text("archive", task_id) == said
    until_line(terminal.start("scheduler"), b": ready", of_stderr=True)
    assert any(terminal.task(task_id)["archived"] for _ in range(100))

    again = terminal.text("rerun", task_id).strip()
    terminal("work", "--once")

    assert terminal.text("logs", again) == "7.0\n"
    gone = terminal("reset", task_id)
    assert (gone.returncode, gone.stdout) == (3, b"")
