"""`events`: what happened, and what comes."""

import json
import os
import signal
import subprocess

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker import keys
from rq_agent.broker.events import Events
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.queue_settings import QueueSettings
from rq_agent.broker.tasks import Tasks

from ...scripts.steps import add, finish, running
from .terminal import Terminal, until_line


def told(terminal: Terminal, *options: str) -> list[tuple[str, str]]:
    lines = terminal.text("events", "--json", *options).splitlines()
    return [(event["task_id"], event["event"]) for event in map(json.loads, lines)]


async def test_events_tell_each_step_in_words_oldest_first(
    terminal: Terminal, lab: Namespace
) -> None:
    claim = await running(lab, worker="box-1")
    await finish(lab, claim, "failed", exit_code=3, reason="exit 3")
    await QueueSettings(lab).pause("q")

    lines = [line[21:] for line in terminal.text("events").splitlines()]

    assert lines == [
        f"{claim.task_id}  entered queue q",
        f"{claim.task_id}  was claimed by box-1",
        f"{claim.task_id}  failed (exit 3)",
        "queue q was paused",
    ]


async def test_events_are_chosen_by_task_queue_number_and_place(
    terminal: Terminal, lab: Namespace
) -> None:
    [first] = await add(lab, queue="a")
    [second] = await add(lab, queue="b")
    await Tasks(lab).cancel(first)
    ids = [json.loads(line)["id"] for line in terminal.text("events", "--json").splitlines()]

    every = [(first, "enqueued"), (second, "enqueued"), (first, "cancelled")]
    assert told(terminal) == every
    assert told(terminal, "--task", first) == [every[0], every[2]]
    assert told(terminal, "-q", "b") == [every[1]]
    assert told(terminal, "--limit", "1") == [every[2]]
    assert told(terminal, "--after", ids[0]) == every[1:]
    assert told(terminal, "--after", ids[0], "--limit", "1") == [every[1]]
    assert told(terminal, "--since", "1h") == every
    assert told(terminal, "--since", "0s") == []


async def test_events_of_a_task_that_is_gone_are_found_by_its_whole_id(
    terminal: Terminal, lab: Namespace
) -> None:
    [task_id] = await add(lab)
    await lab.redis.delete(keys.task(lab.prefix, task_id), keys.ids(lab.prefix))

    assert told(terminal, "--task", task_id) == [(task_id, "enqueued")]
    refused = terminal("events", "--task", "nothing")
    assert (refused.returncode, refused.stdout) == (3, b"")


async def test_following_shows_what_comes_and_says_how_to_go_on(
    terminal: Terminal, lab: Namespace
) -> None:
    [first] = await add(lab)
    following = terminal.start("events", "-f")
    await anyio.to_thread.run_sync(until_line, following, first.encode())

    [second] = await add(lab)
    await anyio.to_thread.run_sync(until_line, following, second.encode())
    os.killpg(following.pid, signal.SIGINT)
    _, said = await anyio.to_thread.run_sync(communicated, following)

    assert following.returncode == 130
    assert f"rq-agent events -f --after {await Events(lab).last()}" in said.decode()


def communicated(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    return process.communicate(timeout=20)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--since", "9:99"), b"--since 9:99: write how long ago, like 10m or 2h, or a time"),
        (("--after", "yesterday"), b"'yesterday' is not the id of an event"),
        (("--limit", "many"), b"--limit many: write a whole number"),
    ],
)
def test_values_that_make_no_sense_are_refused(
    terminal: Terminal, options: tuple[str, ...], words: bytes
) -> None:
    done = terminal("events", *options)

    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr
