"""rm, archive ls, and rerun by filter."""

import time

import pytest

from .terminal import Terminal


@pytest.fixture
def script(terminal: Terminal) -> str:
    return terminal.script("import sys; sys.exit(3)", "train.py")


def submit(terminal: Terminal, *arguments: str) -> str:
    return terminal.text("submit", *arguments).strip()


def test_tasks_that_ended_and_drafts_are_forgotten(terminal: Terminal, script: str) -> None:
    draft = submit(terminal, "--draft", script)
    queued = submit(terminal, script)
    ended = submit(terminal, script)
    terminal.text("cancel", ended)

    refused = terminal("rm", queued)
    assert refused.returncode == 1
    assert f"task {queued}: is queued: it has not ended; cancel it first" in refused.stderr.decode()
    unasked = terminal("rm", "--mine")
    assert unasked.returncode == 2
    assert b"remove 2 tasks (--mine): say --yes" in unasked.stderr

    assert terminal.text("rm", draft) == f"{draft} removed\n"
    assert terminal.text("rm", "--state", "cancelled", "-y") == "1 removed\n"
    assert [task["id"] for task in terminal.json("ps", "-a")["tasks"]] == [queued]
    assert terminal("show", ended).returncode == 3


def test_a_task_that_others_wait_for_is_not_forgotten(terminal: Terminal, script: str) -> None:
    parent = submit(terminal, "--draft", script)
    child = submit(terminal, "--after", f"{parent}:any", script)

    refused = terminal("rm", parent)

    assert refused.returncode == 1
    assert f"task {parent}: 1 tasks that have not ended wait for it" in refused.stderr.decode()
    terminal.text("cancel", child)
    assert terminal.text("rm", parent) == f"{parent} removed\n"


def test_the_archive_is_listed_also_of_what_was_forgotten(terminal: Terminal, script: str) -> None:
    assert terminal.json("archive", "ls") == {"schema": 1, "tasks": []}
    first = submit(terminal, "-q", "a", "-l", "team=x", script)
    second = submit(terminal, "-q", "b", script)
    terminal.text("cancel", first, second)
    terminal.text("archive", first, second)
    process = terminal.start("scheduler")
    try:
        deadline_s = time.monotonic() + 40
        while len(terminal.json("archive", "ls")["tasks"]) < 2:
            assert time.monotonic() < deadline_s
    finally:
        process.terminate()
        process.wait()

    listed = terminal.json("archive", "ls")["tasks"]
    assert [task["id"] for task in listed] == [second, first]
    assert [t["id"] for t in terminal.json("archive", "ls", "-q", "a")["tasks"]] == [first]
    assert [t["id"] for t in terminal.json("archive", "ls", "-l", "team")["tasks"]] == [first]
    assert [t["id"] for t in terminal.json("archive", "ls", "--before", second)["tasks"]] == [first]
    table = terminal.text("archive", "ls", "--limit", "1").splitlines()
    assert (table[0].split()[:4], len(table)) == (["ID", "NAME", "STATE", "QUEUE"], 2)
    again = terminal.text("rerun", first).strip()
    assert terminal.task(again)["queue"] == "a"


def test_all_that_failed_are_run_once_more(terminal: Terminal, script: str) -> None:
    failed = [submit(terminal, "--set", f"n={n}", script) for n in range(2)]
    cancelled = submit(terminal, script)
    terminal.text("cancel", cancelled)
    terminal("work", "--queues", "default", "--once")
    terminal("work", "--queues", "default", "--once")
    assert {terminal.task(each)["state"] for each in failed} == {"failed"}

    shown = terminal("rerun", "--failed", "--dry-run")
    assert [line.split()[0] for line in shown.stdout.decode().splitlines()[1:]] == failed
    assert shown.stderr == b"2 tasks to rerun\n"
    done = terminal("rerun", "--failed", "--mine", "-q", "again", "--set", "lr=1", "-y")

    assert done.returncode == 0, done.stderr
    made = [terminal.task(each) for each in done.stdout.decode().split()]
    assert [task["params"] for task in made] == [{"n": "0", "lr": "1"}, {"n": "1", "lr": "1"}]
    assert {(task["queue"], task["state"]) for task in made} == {("again", "queued")}
    assert done.stderr == b"2 cloned\n"
    rest = terminal("rerun", "--failed", "--resume", failed[0], "-y")
    assert len(rest.stdout.split()) == 1


def test_a_parameter_that_a_script_does_not_have_is_warned_of(terminal: Terminal) -> None:
    script = terminal.script(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--epochs", type=int, default=1)
        parser.parse_args()
        """
    )
    task_id = submit(terminal, "--set", "epochs=2", script)
    terminal("work", "--queues", "default", "--once")

    done = terminal("rerun", "last", "--set", "epoch=3")
    assert (
        f"warning: script.py used no parameter epoch in task {task_id}; did you mean epochs?"
        in done.stderr.decode()
    )
    done = terminal("clone", task_id, "--unset", "epoch")
    assert f"task {task_id} overrides no parameter epoch; did you mean epochs?" in (
        done.stderr.decode()
    )


@pytest.mark.parametrize("verb", ["cancel", "dequeue", "reset", "rm", "archive", "edit", "rerun"])
def test_a_name_that_nothing_has_is_answered_by_near_ones(
    terminal: Terminal, script: str, verb: str
) -> None:
    submit(terminal, "-q", "gpu", script)
    extra = ["--set", "a=1"] if verb == "edit" else []

    done = terminal(verb, "trian.py", *extra)

    assert (done.returncode, done.stdout) == (3, b"")
    assert b"did you mean train.py?" in done.stderr
    where = "--where" if verb in ("edit", "rerun") else "-q"
    queue = "queue=gppu" if where == "--where" else "gppu"
    done = terminal(verb, where, queue, *extra, "--dry-run")
    assert b"no task has the queue 'gppu': did you mean gpu?" in done.stderr
