"""worker ls, show, drain, undrain, pause, resume, stop, restart and label; work --hours."""

import os
import signal
import subprocess
from datetime import UTC, datetime

from .terminal import Terminal, until_line

WAITER = """
import pathlib, time
print("started", flush=True)
while not pathlib.Path({go!r}).exists():
    time.sleep(0.01)
"""


def started(terminal: Terminal, name: str = "w1", *options: str) -> subprocess.Popen[bytes]:
    """Start a worker, and wait until it takes tasks."""
    worker = terminal.start("work", "--name", name, *options)
    until_line(worker, b"ready", of_stderr=True)
    return worker


def test_a_worker_is_paused_seen_and_resumed(terminal: Terminal) -> None:
    started(terminal)

    assert terminal.text("worker", "pause", "w1").startswith("w1 is paused: what it runs goes on")
    assert terminal.text("worker", "pause", "w1") == "w1 was paused already\n"
    assert terminal.text("worker", "resume", "w1") == "w1 claims again\n"
    assert terminal.text("worker", "resume", "w1") == "w1 was not paused\n"
    assert terminal.json("worker", "pause", "w1")["workers"].keys() == {"w1"}

    paused = ("worker", "ls", "--state", "paused")
    [listed] = terminal.soon(lambda: terminal.json(*paused)["workers"])
    assert (listed["name"], listed["state"]) == ("w1", "paused")
    # What it told between the two pauses may come late.
    assert terminal.soon(lambda: "paused by " in terminal.text("worker", "show", "w1"))
    task_id = terminal.text("submit", terminal.script("")).strip()
    why = terminal.text("why", task_id)
    assert "the workers that it fits are paused: w1" in why
    assert "rq-agent worker resume w1" in why

    terminal.text("worker", "resume", "w1")
    terminal.text("wait", task_id)


def test_a_restarted_worker_keeps_its_process_and_its_tasks_go_on(terminal: Terminal) -> None:
    worker = terminal.start("work", "--name", "w1", "--label", "site=north")
    until_line(worker, b"ready", of_stderr=True)
    go = terminal.home / "go"
    task_id = terminal.text("submit", terminal.script(WAITER.format(go=str(go)))).strip()
    until_line(worker, b"claimed", of_stderr=True)
    while "started" not in terminal.text("logs", task_id):
        pass
    terminal.text("worker", "label", "w1", "owner=ada")

    assert terminal.text("worker", "restart", "w1").startswith("w1 starts anew: what it runs")
    seen = until_line(worker, b"ready", of_stderr=True)
    os.kill(worker.pid, signal.SIGHUP)
    seen_again = until_line(worker, b"ready", of_stderr=True)

    assert b"worker w1: starts anew after 0 tasks; 1 task goes on" in seen
    assert b"worker w1: starts anew after 0 tasks; 1 task goes on" in seen_again
    [again] = terminal.workers()
    assert again["pid"] == worker.pid
    assert again["labels"] == {"owner": "ada", "site": "north"}
    assert again["state"] == "busy"
    assert terminal.task(task_id)["state"] == "running"
    go.touch()
    terminal.text("wait", task_id)
    assert terminal.task(task_id)["state"] == "succeeded"
    os.kill(worker.pid, signal.SIGTERM)
    worker.communicate(timeout=20)
    assert worker.returncode == 0


def test_a_worker_is_shown_with_all_that_is_known_of_it(terminal: Terminal) -> None:
    started(terminal, "w1", "--slots", "2", "--queues", "a,b", "--label", "site=north")
    go = terminal.home / "go"
    done = terminal.text("submit", "-q", "a", terminal.script("", "done.py")).strip()
    terminal.text("wait", done)
    running = terminal.text(
        "submit", "-q", "b", terminal.script(WAITER.format(go=str(go)), "long.py")
    ).strip()
    while terminal.task(running)["state"] != "running":
        pass
    terminal.soon(lambda: terminal.json("worker", "show", "w1")["ended"] == 1)
    while terminal.json("worker", "show", "w1")["load"]["cpu_percent"] is None:
        pass

    text = terminal.text("worker", "show", "w1")
    found = terminal.json("worker", "show", "w1")
    go.touch()

    assert text.splitlines()[0] == "worker w1  busy"
    for line in ("takes from    a, b (priority)", "labels        site=north", "slots         2"):
        assert f"  {line}" in text
    assert f"  {running}" in text
    assert "long.py" in text
    assert "ended here, 1 in this session; the last" in text
    assert f"  {done} succeeded " in text
    assert " of " in next(line for line in text.splitlines() if line.startswith("  disk "))
    assert (found["schema"], found["name"], found["ended"]) == (1, "w1", 1)
    assert [task["id"] for task in found["tasks"]] == [running]
    assert [(task["id"], task["outcome"]) for task in found["recent"]] == [(done, "succeeded")]
    assert found["load"]["mem_total_mib"] > 0


def test_workers_are_listed_and_told_by_what_they_are(terminal: Terminal) -> None:
    started(terminal, "w1", "--label", "site=north", "--queues", "a")
    started(terminal, "w2", "--label", "site=south", "--queues", "a,b")

    def names(*options: str) -> list[str]:
        found = terminal.json("worker", "ls", *options)["workers"]
        return [worker["name"] for worker in found]

    assert names() == names("--queue", "a") == names("--label", "site") == ["w1", "w2"]
    assert names("--queue", "b") == names("--label", "site=south") == ["w2"]
    assert names("--state", "busy") == names("--host", "elsewhere") == []
    typo = terminal("worker", "ls", "--label", "site=suoth")
    assert b"no worker has the label site=suoth; did you mean site=south?" in typo.stderr

    dry = terminal("worker", "drain", "--label", "site=south", "--dry-run")
    assert (dry.returncode, dry.stdout) == (0, b"w2 (idle, runs 0)\n")
    assert b"would drain 1 worker" in dry.stderr
    assert names("--state", "draining") == []
    asked = terminal("worker", "pause", "--all")
    assert (asked.returncode, asked.stdout) == (2, b"")
    assert b"pause 2 workers (w1, w2): say --yes" in asked.stderr
    told = terminal.json("worker", "pause", "--queue", "b", "--yes")["workers"]
    assert told.keys() == {"w2"}
    assert terminal.json("worker", "drain", "--all", "--dry-run") == {
        "schema": 1,
        "dry_run": True,
        "workers": ["w1", "w2"],
    }
    nobody = terminal("worker", "drain", "--host", "elsewhere", "--yes")
    assert (nobody.returncode, nobody.stdout) == (0, b"")
    assert b"no worker fits; nothing was done" in nobody.stderr


def test_labels_are_given_from_afar_and_taken_away(terminal: Terminal) -> None:
    started(terminal, "w1", "--label", "site=north")

    assert terminal.text("worker", "label", "w1", "owner=ada") == "w1 owner=ada, site=north\n"
    assert terminal.text("worker", "label", "w1", "site-", "owner-") == "w1 has no labels\n"
    assert terminal.json("worker", "label", "w1", "a=b") == {
        "schema": 1,
        "worker": "w1",
        "labels": {"a": "b"},
    }
    assert terminal("worker", "label", "w2", "a=b").returncode == 3
    for words in (["a"], ["a=b", "a-"], ["=b"], ["a=1", "a=2"]):
        refused = terminal("worker", "label", "w1", *words)
        assert (refused.returncode, refused.stdout) == (2, b"")
        assert b"label" in refused.stderr


def test_a_worker_that_fell_silent_is_named_as_such(terminal: Terminal) -> None:
    worker = started(terminal, "w1", "--lease", "3s")
    os.kill(worker.pid, signal.SIGKILL)
    while terminal.workers():
        pass

    told = terminal("worker", "drain", "w1")
    shown = terminal("worker", "show", "w1")
    [gone] = terminal.json("worker", "ls", "--all")["workers"]

    assert told.returncode == shown.returncode == 3
    assert b"worker w1 is gone: last heard of " in told.stderr
    assert gone["state"] == "gone"


def test_a_worker_outside_of_its_hours_says_when_they_begin(terminal: Terminal) -> None:
    # Two minutes of a day that is neither today nor near it, in any zone.
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    day = days[(datetime.now(UTC).weekday() + 3) % 7]
    worker = terminal.start("work", "--name", "w1", "--hours", f"{day} 12:00-12:02", "--tz", "UTC")
    ready = until_line(worker, b"ready", of_stderr=True).decode()

    [listed] = terminal.json("worker", "ls", "--state", "off-hours")["workers"]

    assert ", but off hours until " in ready
    assert listed["hours"] == f"{day} 12:00-12:02"
    assert listed["until"] > 0
    assert "off-hours until " in terminal.text("worker", "ls")
    terminal.text("worker", "pause", "w1")
    assert f"{day} 12:00-12:02 (UTC); closed until " in terminal.text("worker", "show", "w1")


def test_a_worker_is_opened_for_a_while_outside_of_its_hours(terminal: Terminal) -> None:
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[(datetime.now(UTC).weekday() + 3) % 7]
    started(terminal, "w1", "--hours", f"{day} 12:00-12:02", "--tz", "UTC")
    task_id = terminal.text("submit", terminal.script("")).strip()
    why = terminal.text("why", task_id)
    assert "the workers that it fits are off hours: w1 until " in why

    told = terminal.text("worker", "resume", "w1", "--for", "2h")
    terminal.text("wait", task_id)

    assert told == "w1 claims for 2h, also outside of its hours\n"
    assert "(UTC); open until " in terminal.text("worker", "show", "w1")
    assert terminal("worker", "resume", "w1", "--for", "soon").returncode == 2
