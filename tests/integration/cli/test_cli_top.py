"""`top`: one live view, driven as a person does, on a real server."""

import secrets
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from textual.pilot import Pilot

from rq_agent.broker.claims import Claim
from rq_agent.broker.logs import Chunk, Logs
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.tasks import Tasks
from rq_agent.cli.config import Settings, load
from rq_agent.cli.connected import connected_twice
from rq_agent.cli.news import BLOCK_S
from rq_agent.cli.options import Common
from rq_agent.cli.top.app import Top

from ...scripts.steps import add, beat, claim_one, fields, finish, running
from ...servers import Servers
from .pseudo import Pseudo
from .restartable import restartable
from .terminal import Terminal


class Seen:
    """An open view, and the namespace that it shows."""

    def __init__(self, app: Top, pilot: Pilot[None], ns: Namespace) -> None:
        self.app = app
        self.pilot = pilot
        self.ns = ns

    @property
    def text(self) -> str:
        """Return what stands on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def until(self, words: str, *, is_gone: bool = False) -> None:
        """Wait until words stand on the screen, or no more."""
        with anyio.move_on_after(20):
            while (words in self.text) == is_gone:
                await self.pilot.pause(0.02)
            return
        raise AssertionError(f"{words!r}: {self.text}")


@asynccontextmanager
async def opened(
    servers: Servers, ns: Namespace, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Seen]:
    url = f"unix://{servers.socket('valkey')}"
    async with connected_twice(url, ns.name, block_s=BLOCK_S) as both:
        app = Top(*both, settings(url))
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Seen(app, pilot, ns)


def settings(url: str) -> Settings:
    return load(Common(redis=url), {"RQ_AGENT_HOME": "/nowhere"})


@pytest.fixture
async def ns(servers: Servers) -> AsyncIterator[Namespace]:
    """A namespace of its own."""
    name = f"t{secrets.token_hex(6)}"
    url = f"unix://{servers.socket('valkey')}"
    async with connected_twice(url, name, block_s=BLOCK_S) as (namespace, _):
        yield namespace


async def write(ns: Namespace, claim: Claim, data: bytes, *, at: int = 0) -> None:
    await Logs(ns).append(claim, [Chunk(stream="out", offset=at, raw_bytes=len(data), data=data)])


async def test_all_panes_follow_what_happens(servers: Servers, ns: Namespace) -> None:
    [task_id] = await add(ns, name="train.py")
    async with opened(servers, ns) as seen:
        await seen.until(task_id)
        await seen.until("no worker runs")

        claim = await claim_one(ns, worker="box-1")
        facts = {"slots": "2", "queues": '["q"]'}
        await beat(ns, claim, worker="box-1", facts=facts)
        await write(ns, claim, b"\x1b[31mloss 1\r\n 10%\r 20%\n\x1b[2Jhalf")
        await seen.until("running")
        await seen.until("box-1")
        await seen.until("#- 1/2")
        await seen.until("loss 1")
        await seen.until(" 20%")
        assert "10%" not in seen.text
        assert "half" not in seen.text

        await write(ns, claim, b" and whole\n", at=31)
        await seen.until("half and whole")
        await finish(ns, claim, "failed", exit_code=3, reason="exit 3")
        await seen.until("failed (exit 3)")


async def test_the_chosen_task_stays_chosen_as_others_come(servers: Servers, ns: Namespace) -> None:
    first = await running(ns, name="first")
    await write(ns, first, b"of the first\n")
    second = await running(ns, name="second")
    await write(ns, second, b"of the second\n")
    async with opened(servers, ns) as seen:
        await seen.until("of the second")
        await seen.pilot.press("down")
        await seen.until("of the first")

        await running(ns, name="third")
        await seen.until("third")
        await seen.pilot.pause(0.1)

        assert f"log of {first.task_id}" in seen.text
        await seen.pilot.press("enter")
        await seen.until("workers", is_gone=True)
        assert "of the first" in seen.text
        await seen.pilot.press("escape")
        await seen.until("workers")


async def test_words_filter_tasks_and_escape_shows_all(servers: Servers, ns: Namespace) -> None:
    await add(ns, name="train.py", user="ann")
    await add(ns, name="[bold]train.py", user="bob")
    async with opened(servers, ns) as seen:
        await seen.until("ann")

        await seen.pilot.press("slash", *"train BOB", "enter")
        await seen.until("ann", is_gone=True)
        assert "[bold]train.py" in seen.text
        await seen.pilot.press("escape")
        await seen.until("ann")


async def test_a_task_is_cancelled_only_after_a_yes(servers: Servers, ns: Namespace) -> None:
    [task_id] = await add(ns, name="train.py")
    async with opened(servers, ns) as seen:
        await seen.until(task_id)

        await seen.pilot.press("c")
        await seen.until(f"Cancel {task_id} train.py (queued)?")
        await seen.pilot.press("n")
        await seen.until("Cancel", is_gone=True)
        assert (await fields(ns, task_id))["state"] == "queued"

        await seen.pilot.press("c")
        await seen.until("Cancel")
        await seen.pilot.press("y")
        await seen.until("it ended: cancelled")
        assert (await fields(ns, task_id))["state"] == "cancelled"
        await seen.pilot.press("c")
        await seen.until(f"{task_id} has ended")


async def test_a_task_that_vanished_is_no_error(servers: Servers, ns: Namespace) -> None:
    [task_id] = await add(ns)
    async with opened(servers, ns) as seen:
        await seen.until(task_id)
        await seen.pilot.press("c")
        await seen.until("Cancel")

        await ns.redis.delete(f"{ns.prefix}t:{task_id}", f"{ns.prefix}ids")
        await seen.pilot.press("y")
        await seen.until("not found")


async def test_help_tells_the_keys_and_a_narrow_view_leaves_the_queues_out(
    servers: Servers, ns: Namespace
) -> None:
    [task_id] = await add(ns)
    async with opened(servers, ns, (60, 24)) as seen:
        await seen.until(task_id)
        assert "╭─ queues" not in seen.text

        await seen.pilot.press("question_mark")
        await seen.until("asks first")
        await seen.pilot.press("x")
        await seen.until("asks first", is_gone=True)
        await Tasks(ns).cancel(task_id)
        await seen.until("cancelled")


async def test_a_redis_that_went_away_is_waited_for() -> None:
    with restartable() as server:
        async with connected_twice(server.url, "default", block_s=BLOCK_S) as both:
            [task_id] = await add(both[0])
            app = Top(*both, settings(server.url))
            async with app.run_test(size=(120, 40)) as pilot:
                seen = Seen(app, pilot, both[0])
                await seen.until(task_id)

                server.down()
                await seen.until("cannot reach redis")
                server.up()
                await seen.until("cannot reach redis", is_gone=True)
                await Tasks(both[0]).cancel(task_id)
                await seen.until("it ended: cancelled")


def test_it_is_left_with_a_key_on_a_real_terminal(terminal: Terminal) -> None:
    terminal.text("submit", "-n", "waits-here", terminal.script(""))
    view = Pseudo(terminal, "top", columns=100, lines=30)
    view.until("waits-here")

    view.type("q")

    assert view.end() == 0


def test_without_a_terminal_it_says_what_to_use(terminal: Terminal) -> None:
    done = terminal("top")

    assert (done.returncode, done.stdout) == (2, b"")
    assert b"top needs a terminal; for scripts:  rq-agent events -f --json" in done.stderr


def test_without_textual_it_says_what_to_install() -> None:
    script = """
import sys
sys.modules["textual"] = None
from rq_agent.cli.main import main
sys.exit(main(["top"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert done.returncode == 1
    assert b"pip install 'rq-agent[tui]'; rq-agent ps --watch needs none" in done.stderr
