"""`logs`: what of it, of which attempt, and on over a restart of Redis."""

import json
from collections.abc import Sequence

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker.claims import Claim
from rq_agent.broker.connection import connect
from rq_agent.broker.keys import log
from rq_agent.broker.logs import Chunk, Logs, StreamName
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks

from ...scripts.steps import add, claim_one, finish, running
from .restartable import restartable
from .terminal import Terminal, until_line
from .test_cli_wait import ended, until_said


async def write(
    ns: Namespace, claim: Claim, data: bytes, stream: StreamName = "out", *, at: int = 0
) -> None:
    chunk = Chunk(stream=stream, offset=at, raw_bytes=len(data), data=data)
    assert await Logs(ns).append(claim, [chunk])


async def twice_claimed(lab: Namespace) -> Claim:
    """Return a task whose two logs say `one` and `two`."""
    first = await running(lab)
    await write(lab, first, b"one\n")
    await finish(lab, first, "release")
    second = await claim_one(lab)
    await write(lab, second, b"two\n")
    return second


async def test_the_log_of_each_claim_can_be_asked_for(terminal: Terminal, lab: Namespace) -> None:
    claim = await twice_claimed(lab)
    task_id = claim.task_id

    assert terminal.text("logs", task_id) == "two\n"
    assert terminal.text("logs", "--attempt", "1", task_id) == "one\n"
    every = terminal("logs", "--attempt", "all", task_id)
    assert (every.stdout, every.stderr) == (b"one\ntwo\n", b"[claim 1]\n[claim 2]\n")
    assert terminal.text("logs", "--attempt", "all", "-n", "1", task_id) == "two\n"
    lines = terminal.text("logs", "--attempt", "all", "--json", task_id).splitlines()
    assert [(e["task"], e["claim"], e["text"]) for e in map(json.loads, lines)] == [
        (task_id, 1, "one\n"),
        (task_id, 2, "two\n"),
    ]
    refused = terminal("logs", "--attempt", "3", task_id)
    assert (refused.returncode, refused.stdout) == (3, b"")
    assert b"was claimed 2 times: there is no log of claim 3" in refused.stderr


async def test_a_task_that_did_not_run_has_no_log_and_that_is_said(
    terminal: Terminal, lab: Namespace
) -> None:
    [task_id] = await add(lab)

    waits = terminal("logs", task_id)
    await Tasks(lab).cancel(task_id)
    ended_early = terminal("logs", "-f", task_id)

    assert (waits.returncode, waits.stdout) == (0, b"")
    assert waits.stderr == b"[queued: it has not run yet]\n"
    assert b"[cancelled: it never ran]" in ended_early.stderr


async def test_lines_are_found_by_what_they_say_and_when(
    terminal: Terminal, lab: Namespace
) -> None:
    claim = await running(lab)
    await write(lab, claim, b"Loss 1\r\nacc 1\r\nlo")
    await write(lab, claim, b"loss 2\r\n", "err")
    await write(lab, claim, b"ss 3\r\n", at=17)

    def found(*options: str) -> bytes:
        return terminal.text("logs", *options, claim.task_id).encode()

    assert found("--grep", r"^loss \d$") == b"loss 2\r\nloss 3\r\n"
    assert found("--grep", "LOSS", "-i", "--tail", "2") == b"loss 2\r\nloss 3\r\n"
    assert found("--grep", "loss", "--stream", "err") == b"loss 2\r\n"
    assert found("--since", "1h", "--grep", "acc") == b"acc 1\r\n"
    assert found("--until", "1h") == b""
    assert len(found("-t", "--grep", "acc")) == len("2026-11-21T09:30:05.123Z acc 1\r\n")


async def test_following_ends_with_the_tasks_own_code_on_request(
    terminal: Terminal, lab: Namespace
) -> None:
    [task_id] = await add(lab)
    following = terminal.start("logs", "-f", "--exit-status", task_id)
    await anyio.to_thread.run_sync(until_said, following, b"[queued, position 1 in q; waiting for")

    claim = await claim_one(lab)
    await write(lab, claim, b"on\n")
    await anyio.to_thread.run_sync(until_line, following, b"on")
    await finish(lab, claim, "failed", exit_code=7, reason="exit 7")
    _, said = await anyio.to_thread.run_sync(ended, following)

    assert following.returncode == 7
    assert f"task {task_id} failed (exit 7)" in said.decode()
    assert terminal("logs", "-f", task_id).returncode == 0


async def test_following_misses_and_repeats_nothing_when_redis_restarts(
    terminal: Terminal,
) -> None:
    with restartable() as server:
        terminal.environ |= {"RQ_AGENT_REDIS_URL": server.url}
        async with connect(server.url) as redis:
            lab = await Namespace.open(redis, "default")
            claim = await running(lab)
            await write(lab, claim, b"one\n")
            following = terminal.start("logs", "-f", claim.task_id)
            await anyio.to_thread.run_sync(until_line, following, b"one")

        server.down()
        await anyio.to_thread.run_sync(until_said, following, b"waiting for Redis")
        server.up()
        async with connect(server.url) as redis:
            lab = await Namespace.open(redis, "default")
            # As if Redis had lost its last second, and the worker told all of it again.
            await redis.delete(log(lab.prefix, claim.task_id, claim.fence))
            await write(lab, claim, b"one\ntwo\n")
            await finish(lab, claim, "succeeded", exit_code=0)
        out, said = await anyio.to_thread.run_sync(ended, following)

    assert out == b"two\n"  # `one` was read above
    assert b"Redis is back" in said


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--grep", "(", "last"), b"--grep (: not a regular expression: missing )"),
        (("-i", "last"), b"--ignore-case does nothing without --grep"),
        (("--attempt", "0", "last"), b"--attempt 0: say which, 1 for the first, or all"),
        (("--attempt", "1", "-f", "last"), b"--attempt N shows one log, and -f goes on"),
        (("--exit-status", "last"), b"--exit-status needs -f"),
        (("-f", "--until", "1h", "last"), b"--until ends, and -f stays"),
        (("--since", "1m", "--until", "1h", "last"), b"--since 1m is later than --until 1h"),
        (("--since", "then", "last"), b"--since then: write how long ago"),
        (("--stream", "in", "last"), b"--stream in: say out, err or sys"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(
    terminal: Terminal, options: Sequence[str], words: bytes
) -> None:
    done = terminal("logs", *options)

    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr
