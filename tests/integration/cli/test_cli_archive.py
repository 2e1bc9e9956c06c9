"""Tasks that left Redis are still shown."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from rq_agent.broker import keys
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.archive.writing import Writer
from rq_agent.broker.connection import connect
from rq_agent.broker.embedded.stop import url_if_running
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging
from tests.looking import look_again

from ...scripts import steps
from .terminal import Terminal, until_line

SCRIPT = "print('one'); print('two')"


@asynccontextmanager
async def namespace(home: Path) -> AsyncIterator[Namespace]:
    """Open the namespace on the embedded server."""
    url = url_if_running(home / "data")
    assert url is not None
    async with connect(url) as redis:
        yield await Namespace.open(redis, "default")


async def archive_now(home: Path, task_id: TaskId) -> None:
    async with namespace(home) as ns:
        await Purging(ns).archive(task_id)


async def gone_from_redis(home: Path, task_id: TaskId) -> None:
    async with namespace(home) as ns:
        with anyio.fail_after(40):
            while await steps.fields(ns, task_id):
                await look_again()


async def write_and_drop_log(home: Path, folder: Path, task_id: TaskId) -> None:
    """Let the archive have a task, and its log be gone from Redis after its week."""
    async with namespace(home) as ns:
        await ns.redis.zadd(keys.unarchived(ns.prefix), {task_id: 1})
        assert (await Writer(ns, FolderStore(folder)).write()).noted == 1
        assert await ns.redis.delete(keys.log(ns.prefix, task_id, 1)) == 1


@pytest.fixture
def gone(terminal: Terminal) -> str:
    """Return the id of a task that ran and is in the archive only."""
    terminal.text("run", "-n", "first", terminal.script(SCRIPT))
    task_id = TaskId(terminal.task()["id"])
    anyio.run(archive_now, terminal.home, task_id)
    until_line(terminal.start("scheduler"), b": ready", of_stderr=True)
    anyio.run(gone_from_redis, terminal.home, task_id)
    return task_id


def test_show_and_logs_find_a_task_in_the_archive(terminal: Terminal, gone: str) -> None:
    shown = terminal.json("show", gone)
    text = terminal("show", gone)

    assert (shown["id"], shown["state"], shown["archived"]) == (gone, "succeeded", True)
    assert shown["code"]["file_name"] == "script.py"
    assert [step["event"] for step in shown["history"]][-2:] == ["succeeded", "archive"]
    assert b"history" in text.stdout
    assert b"this task has left Redis: shown from the archive" in text.stderr
    assert terminal.text("logs", gone) == "one\ntwo\n"
    assert terminal.text("logs", "-n", "1", gone) == "two\n"
    assert terminal.text("logs", "--follow", gone) == "one\ntwo\n"
    assert terminal.text("logs", "--attempt", "all", "--grep", "^t", gone) == "two\n"
    assert terminal("logs", "-f", "--exit-status", gone).returncode == 0


def test_a_task_of_the_archive_has_ended_long_ago(terminal: Terminal, gone: str) -> None:
    waited = terminal("wait", gone)

    assert waited.returncode == 0
    assert f"task {gone} succeeded" in waited.stderr.decode()
    assert (gone, "archive") in [
        (event["task_id"], event["event"])
        for event in map(json.loads, terminal.text("events", "--task", gone, "--json").splitlines())
    ]


def test_a_log_that_redis_dropped_is_read_from_the_archive(terminal: Terminal) -> None:
    terminal.text("run", terminal.script(SCRIPT))
    task_id = str(terminal.task()["id"])

    folder = terminal.home / "data" / "archive"
    anyio.run(write_and_drop_log, terminal.home, folder, TaskId(task_id))

    assert terminal.json("show", task_id)["archived"] is False
    assert terminal.text("logs", task_id) == "one\ntwo\n"


def test_an_archived_task_is_named_as_a_live_one(terminal: Terminal, gone: str) -> None:
    assert terminal.json("show", gone[:12])["id"] == gone
    assert terminal.json("show", "first")["id"] == gone
    assert terminal.json("show", "last")["id"] == gone

    refused = terminal("show", "nothing-of-this-name")

    assert refused.returncode == 3
    assert b"no task has the id or the name 'nothing-of-this-name'" in refused.stderr


async def blobs(home: Path) -> dict[bytes, Any]:
    """Return all code that Redis has."""
    async with namespace(home) as ns:
        names = [key async for key in ns.redis.scan_iter(match=f"{ns.prefix}blob:*")]
        return {name: await ns.redis.get(name) for name in names}


async def drop_blobs(home: Path) -> None:
    """Let the hour of code that nobody refers to any more be over."""
    names = await blobs(home)
    async with namespace(home) as ns:
        assert await ns.redis.delete(*names) == 1


def test_code_that_only_the_archive_has_runs_again(terminal: Terminal, gone: str) -> None:
    code = anyio.run(blobs, terminal.home)
    anyio.run(drop_blobs, terminal.home)
    terminal.script("print('other code')")  # where the first one was

    draft = terminal.text("clone", gone).strip()
    terminal.text("enqueue", draft)
    again = terminal.text("rerun", "first").strip()
    assert anyio.run(blobs, terminal.home) == code
    terminal("work", "--once")

    assert [terminal.text("logs", each) for each in (draft, again)] == ["one\ntwo\n"] * 2


def test_damage_is_told_and_hides_no_other_task(terminal: Terminal, gone: str) -> None:
    [segment] = (terminal.home / "data" / "archive").rglob("*.segment")
    segment.write_bytes(segment.read_bytes()[:-40])

    refused = terminal("show", gone)

    assert refused.returncode == 3
    assert f"segment default/segments/{segment.parent.name}/{segment.name}".encode() in (
        refused.stderr
    )
    assert b"Traceback" not in refused.stderr


def test_an_archive_elsewhere_is_used_where_it_is_set(terminal: Terminal, gone: str) -> None:
    moved = terminal.home / "elsewhere"
    (terminal.home / "data" / "archive").rename(moved)

    assert terminal("show", gone).returncode == 3
    assert terminal("show", gone, RQ_AGENT_ARCHIVE=str(moved)).returncode == 0
    refused = terminal("show", gone, RQ_AGENT_ARCHIVE="elsewhere")
    assert refused.returncode == 2
    assert b"is relative: give the whole path" in refused.stderr
