"""`ps`: filters, columns, order, and its table redrawn as things happen."""

import re
from collections.abc import Sequence

import anyio.to_thread
import pytest

from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks
from rq_agent.cli.identity import user_name

from ...scripts.steps import add, finish, running
from .pseudo import Pseudo
from .restartable import restartable
from .terminal import Terminal


def ids(terminal: Terminal, *options: str) -> list[str]:
    return [task["id"] for task in terminal.json("ps", *options)["tasks"]]


async def test_tasks_are_found_by_worker_user_name_and_state(
    terminal: Terminal, lab: Namespace
) -> None:
    ended = await running(lab, worker="box-1", name="first", user="ann")
    await finish(lab, ended, "succeeded", exit_code=0)
    runs = await running(lab, worker="box-2", name="second", user=user_name())
    [waits] = await add(lab, name="second", user="ann")

    assert ids(terminal) == [runs.task_id, waits, ended.task_id]
    assert ids(terminal, "--worker", "box-1") == [ended.task_id]
    assert ids(terminal, "--worker", "box-2") == ids(terminal, "--mine") == [runs.task_id]
    assert ids(terminal, "-n", "second") == [runs.task_id, waits]
    assert ids(terminal, "-u", "ann", "--state", "succeeded") == [ended.task_id]
    assert ids(terminal, "--sort", "id") == sorted(ids(terminal))
    assert ids(terminal, "--sort=-id") == sorted(ids(terminal), reverse=True)
    refused = terminal("ps", "--mine", "-u", "ann")
    assert (refused.returncode, refused.stdout) == (2, b"")


async def test_columns_are_those_that_were_asked_for(terminal: Terminal, lab: Namespace) -> None:
    claim = await running(lab, worker="box-1")
    await finish(lab, claim, "failed", exit_code=3, reason="exit 3")

    title, line = terminal.text("ps", "--columns", "exit,id,reason").splitlines()

    assert title.split() == ["EXIT", "ID", "REASON"]
    assert line.split() == ["3", claim.task_id, "exit", "3"]
    assert terminal.text("ps").split("\n")[0].split() == [
        *("ID", "NAME", "STATE", "QUEUE", "POS", "WORKER", "USER", "TIME")
    ]
    assert "created" in terminal.json("ps", "--columns", "help")["columns"]


async def test_a_watched_table_follows_what_happens_and_stays_when_it_is_left(
    terminal: Terminal, lab: Namespace
) -> None:
    [task_id] = await add(lab)
    watched = Pseudo(terminal, "ps", "--watch", "--every", "0.1s", columns=80)
    await anyio.to_thread.run_sync(watched.until, "queued")
    watched.forget()

    claim = await running(lab)
    await finish(lab, claim, "failed", exit_code=3, reason="exit 3")
    soon_s = 10.0  # it looks every 15 s anyway
    await anyio.to_thread.run_sync(watched.until, "failed (exit 3)", soon_s)
    watched.forget()
    code = await anyio.to_thread.run_sync(watched.interrupt)

    assert code == 130
    left = re.sub(r"\x1b\[[0-9;]*m", "", watched.seen.partition("\x1b[?1049l")[2])
    assert f"{task_id}" in left
    assert "no longer watching; whatever runs goes on" in left


async def test_watching_goes_on_over_a_restart_of_redis(terminal: Terminal) -> None:
    with restartable() as server:
        terminal.environ |= {"RQ_AGENT_REDIS_URL": server.url}
        async with connect(server.url) as redis:
            [task_id] = await add(await Namespace.open(redis, "default"))
        watched = Pseudo(terminal, "ps", "-w", columns=140)
        await anyio.to_thread.run_sync(watched.until, task_id)

        server.down()
        await anyio.to_thread.run_sync(watched.until, "waiting for Redis")
        server.up()
        watched.forget()
        async with connect(server.url) as redis:
            await Tasks(await Namespace.open(redis, "default")).cancel(task_id)
        await anyio.to_thread.run_sync(watched.until, "cancelled")

        assert await anyio.to_thread.run_sync(watched.interrupt) == 130


async def test_a_small_terminal_shows_as_much_as_fits(terminal: Terminal, lab: Namespace) -> None:
    await add(lab, 30)

    watched = Pseudo(terminal, "ps", "-w", columns=40, lines=10)
    drawn = await anyio.to_thread.run_sync(watched.until, "more below")
    await anyio.to_thread.run_sync(watched.interrupt)

    frame = drawn.partition("more below")[0]
    assert all(len(line) <= 40 for line in frame.splitlines())
    assert frame.count("queued") == 7
    assert frame.split()[-1] == "23"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--watch",), b"--watch redraws a terminal, and stdout is none"),
        (("--watch", "--json"), b"--watch redraws a table; for scripts:  rq-agent events -f"),
        (("--columns", "ide"), b"did you mean id?"),
        (("--sort", "-"), b"--sort '': no such column; known: id, name,"),
        (("--every", "often"), b"--every often: write a time like"),
    ],
)
def test_wishes_that_make_no_sense_are_refused(
    terminal: Terminal, options: Sequence[str], words: bytes
) -> None:
    done = terminal("ps", *options)

    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr


async def test_a_mistyped_name_that_finds_nothing_is_answered_by_near_ones(
    terminal: Terminal, lab: Namespace
) -> None:
    await add(lab, name="train.py")

    assert b"no task has the name 'trian.py': did you mean train.py?" in (
        terminal("ps", "-n", "trian.py").stderr
    )
    assert b"no such tasks; submit one" in terminal("ps", "--state", "draft").stderr
    assert terminal.json("ps", "-n", "trian.py")["tasks"] == []
