"""`wait`: told by events when tasks start and end."""

import json
import os
import signal
import subprocess
from collections.abc import Sequence

import anyio
import anyio.to_thread
import pytest

from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks

from ...scripts.steps import add, claim_one, finish, running
from .restartable import restartable
from .terminal import Terminal, until_line


def ended(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    return process.communicate(timeout=20)


async def listening(namespace: Namespace, count: int = 1) -> None:
    """Wait until so many connections wait for events."""
    with anyio.fail_after(20):
        while True:
            clients = await namespace.redis.client_list()
            blocked = [c for c in clients if c["cmd"] == "xread" and "b" in c["flags"]]
            mine = [c for c in blocked if c["name"] == f"rq-agent:{namespace.name}"]
            if len(mine) >= count:
                return


async def test_the_first_of_several_that_ends_is_enough(terminal: Terminal, lab: Namespace) -> None:
    slow, quick = await running(lab), await running(lab)
    waiting = terminal.start("wait", "--any", "--json", slow.task_id, quick.task_id)
    await listening(lab)

    await finish(lab, quick, "failed", exit_code=7)
    out, said = await anyio.to_thread.run_sync(ended, waiting)

    assert waiting.returncode == 7
    assert json.loads(out)["id"] == quick.task_id
    assert slow.task_id not in said.decode()


async def test_a_start_is_waited_for(terminal: Terminal, lab: Namespace) -> None:
    [task_id] = await add(lab)
    waiting = terminal.start("wait", "--for", "started", task_id)
    await listening(lab)

    await claim_one(lab, worker="box-1")
    _, said = await anyio.to_thread.run_sync(ended, waiting)

    assert waiting.returncode == 0, said
    assert f"task {task_id} running" in said.decode()


async def test_what_never_starts_is_no_start(terminal: Terminal, lab: Namespace) -> None:
    [task_id] = await add(lab)
    await Tasks(lab).cancel(task_id)

    assert terminal("wait", "--for", "started", task_id).returncode == 143


async def test_a_task_that_is_purged_while_it_is_waited_for_ends_the_waiting(
    terminal: Terminal, lab: Namespace
) -> None:
    [task_id] = await add(lab)
    waiting = terminal.start("wait", task_id)
    await listening(lab)

    names = [name async for name in lab.redis.scan_iter(match=f"{lab.prefix}*{task_id}*")]
    await lab.redis.delete(*names)
    await lab.redis.xadd(f"{lab.prefix}ev", {"id": task_id, "event": "cancelled"})
    _, said = await anyio.to_thread.run_sync(ended, waiting)

    assert waiting.returncode == 3
    assert f"task {task_id}: not found" in said.decode()


async def test_ctrl_c_says_that_the_task_goes_on(terminal: Terminal, lab: Namespace) -> None:
    claim = await running(lab)
    waiting = terminal.start("wait", claim.task_id)
    await listening(lab)

    os.killpg(waiting.pid, signal.SIGINT)
    _, said = await anyio.to_thread.run_sync(ended, waiting)

    assert waiting.returncode == 130
    assert "no longer waiting; the task goes on" in said.decode()
    assert f"rq-agent cancel {claim.task_id}" in said.decode()


async def test_waiting_goes_on_over_a_restart_of_redis(terminal: Terminal) -> None:
    with restartable() as server:
        terminal.environ |= {"RQ_AGENT_REDIS_URL": server.url}
        async with connect(server.url) as redis:
            lab = await Namespace.open(redis, "default")
            claim = await running(lab)
            waiting = terminal.start("wait", claim.task_id)
            await listening(lab)

        server.down()
        await anyio.to_thread.run_sync(until_said, waiting, b"waiting for Redis")
        server.up()
        async with connect(server.url) as redis:
            await finish(await Namespace.open(redis, "default"), claim, "failed", exit_code=9)
        _, said = await anyio.to_thread.run_sync(ended, waiting)

    assert waiting.returncode == 9
    assert b"Redis is back" in said


def until_said(process: subprocess.Popen[bytes], words: bytes) -> bytes:
    return until_line(process, words, of_stderr=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--for", "ever"), b"--for ever: say started or finished"),
        (("--timeout", "soon"), b"--timeout soon: write a time like 90s"),
    ],
)
def test_what_can_not_be_waited_for_is_refused(
    terminal: Terminal, options: Sequence[str], words: bytes
) -> None:
    done = terminal("wait", *options, "last")

    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr


async def test_who_waits_for_what_nobody_takes_is_told_at_once(
    terminal: Terminal, lab: Namespace
) -> None:
    [task_id] = await add(lab)
    waiting = terminal.start("wait", "--timeout", "1s", task_id)
    _, said = await anyio.to_thread.run_sync(ended, waiting)

    assert waiting.returncode == 124
    assert f"no worker takes it now; see:  rq-agent why {task_id}" in said.decode()
