"""queue create, pause, resume, limit, weight, ageing, purge and rm."""

import os
import pty
import subprocess

from .terminal import PROGRAM, Terminal


def answer(terminal: Terminal, words: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a command on a terminal, where a person types an answer."""
    leader, follower = pty.openpty()
    os.write(leader, words)
    try:
        return subprocess.run(
            [*PROGRAM, *arguments],
            cwd=terminal.code,
            env=terminal.environ,
            stdin=follower,
            capture_output=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(leader)
        os.close(follower)


def test_the_settings_of_a_queue_are_changed_and_shown(terminal: Terminal) -> None:
    assert terminal.text("queue", "create", "night", "-d", "low prices") == "queue night created\n"
    assert terminal.text("queue", "create", "night") == "queue night was there already\n"
    assert "paused; what runs goes on" in terminal.text("queue", "pause", "night")
    assert "was paused already" in terminal.text("queue", "pause", "night")
    assert "at most 3 at a time" in terminal.text("queue", "limit", "night", "3")
    assert "has weight 2.5" in terminal.text("queue", "weight", "night", "2.5")
    assert "lets a task rise each 1h30m" in terminal.text("queue", "ageing", "night", "1h30m")

    (queue,) = terminal.json("queue", "ls")["queues"]
    assert (queue["paused"], queue["max_running"], queue["weight"]) == (True, 3, 2.5)
    assert queue["description"] == "low prices"
    assert terminal.json("queue", "resume", "night") == {
        "schema": 1,
        "queues": [{"queue": "night", "is_changed": True}],
    }
    assert "has no limit" in terminal.text("queue", "limit", "night", "none")
    assert "does not age" in terminal.text("queue", "ageing", "night", "off")


def test_a_purge_asks_first_and_tells_how_many_it_cancelled(terminal: Terminal) -> None:
    for _ in range(2):
        terminal.text("submit", terminal.script(""))

    piped = terminal("queue", "purge", "default")
    declined = answer(terminal, b"n\n", "queue", "purge", "default")
    assert piped.returncode == 2
    assert b"say --yes" in piped.stderr
    assert declined.returncode == 1
    assert b"cancel what waits in queue default (2)? [y/N]" in declined.stderr
    assert b"nothing was changed" in declined.stderr
    assert terminal.json("queue", "ls")["queues"][0]["waiting"] == 2

    done = answer(terminal, b"y\n", "queue", "purge", "default")

    assert done.stdout == b"queue default purged; cancelled: 2\n"
    assert terminal.json("queue", "purge", "default", "--yes")["queues"] == [
        {"queue": "default", "cancelled": 0}
    ]
    assert terminal.task()["reason"] == "queue purged"


def test_a_queue_is_removed_when_its_tasks_have_ended(terminal: Terminal) -> None:
    task_id = terminal.text("submit", terminal.script("")).strip()

    held = terminal("queue", "rm", "default", "--yes")
    assert held.returncode == 1
    assert f"not final ({task_id} is queued); purge it first" in held.stderr.decode()
    terminal.text("cancel", task_id)

    assert terminal.text("queue", "rm", "default", "-y") == "queue default removed\n"
    assert terminal.json("queue", "ls")["queues"] == []


def test_bad_names_and_numbers_are_said(terminal: Terminal) -> None:
    assert terminal("queue", "pause", "none").returncode == 3  # nothing was ever submitted
    terminal.text("queue", "create", "night")

    near = terminal("queue", "pause", "nigt")
    assert near.returncode == 3
    assert b"no queue is named nigt; did you mean night?" in near.stderr
    for arguments in (
        ("create", "a{b"),
        ("create", "x" * 10_000),
        ("limit", "night", "-1"),
        ("limit", "night", "1e9"),
        ("weight", "night", "0"),
        ("weight", "night", "nan"),
        ("ageing", "night", "0.1s"),
        ("ageing", "night", "soon"),
    ):
        done = terminal("queue", *arguments)
        assert done.returncode == 2, arguments
        assert done.stderr.startswith(b"rq-agent: ")
        assert len(done.stderr) < 500


def test_several_queues_are_told_at_once_or_none_of_them(terminal: Terminal) -> None:
    for name in ("a", "b", "c"):
        terminal.text("queue", "create", name)

    def paused() -> list[str]:
        return [q["name"] for q in terminal.json("queue", "ls")["queues"] if q["paused"]]

    assert terminal("queue", "pause", "a", "b", "x").returncode == 3
    assert paused() == []
    assert terminal.text("queue", "pause", "b", "a", "b").splitlines() == [
        "queue b paused; what runs goes on",
        "queue a paused; what runs goes on",
    ]
    assert paused() == ["a", "b"]
    assert terminal.json("queue", "resume", "a", "c")["queues"] == [
        {"queue": "a", "is_changed": True},
        {"queue": "c", "is_changed": False},
    ]
    terminal.text("queue", "limit", "a", "c", "3")
    limits = [q["max_running"] for q in terminal.json("queue", "ls")["queues"]]
    assert limits == [3, None, 3]
    assert "WAITING  RUNNING  LIMIT" in terminal.text("queue", "ls")
    assert terminal.json("queue", "rm", "a", "b", "-y")["queues"] == [
        {"queue": "a", "is_removed": True},
        {"queue": "b", "is_removed": True},
    ]
    assert [q["name"] for q in terminal.json("queue", "ls")["queues"]] == ["c"]


def test_a_purge_that_is_only_tried_cancels_nothing(terminal: Terminal) -> None:
    for queue in ("a", "a", "b"):
        terminal.text("submit", "-q", queue, terminal.script(""))

    assert terminal.text("queue", "purge", "--dry-run", "a", "b").splitlines() == [
        "queue a would be purged; to cancel: 2",
        "queue b would be purged; to cancel: 1",
    ]
    assert terminal.json("queue", "purge", "--dry-run", "a") == {
        "schema": 1,
        "dry_run": True,
        "queues": [{"queue": "a", "waiting": 2, "is_exact": True}],
    }
    assert [q["waiting"] for q in terminal.json("queue", "ls")["queues"]] == [2, 1]
    asked = answer(terminal, b"y\n", "queue", "purge", "a", "b")
    assert b"cancel what waits in queues a (2), b (1)? [y/N]" in asked.stderr
    assert asked.stdout.splitlines() == [
        b"queue a purged; cancelled: 2",
        b"queue b purged; cancelled: 1",
    ]
