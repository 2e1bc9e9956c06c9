"""A program goes on when its worker is killed, and the next session of the worker with it."""

import sys
from typing import Any

import anyio
import pytest

from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.tasks import Tasks
from tests.looking import look_again

from ..environment.packages import ends
from .lab import Lab
from .left_behind import GOES_ON, SLEEPER, left_behind, short_session

TALKER = """
import os
for name in ("a", "b"):
    os.mkfifo(name)
for n in range(3):
    print("before", n, flush=True)
open("a").read()
for n in range(20_000):
    print("alone", n)
print("end of it", flush=True)
open("b").read()
print("after")
"""


async def test_it_goes_on_and_its_end_is_told_as_it_was(lab: Lab) -> None:
    async with left_behind(lab) as left, lab.worker("w1"):
        await lab.printed(left.task_id, GOES_ON)
        await left.go(7)
        [record] = await lab.ended(left.task_id)

    assert (record.state, record.exit_code, record.fence, record.lost) == ("failed", 7, 1, 0)
    assert [e.event for e in await lab.events() if e.event in ("claimed", "lost")] == ["claimed"]


async def test_all_that_it_says_meanwhile_is_shipped_once_and_in_order(lab: Lab) -> None:
    async with left_behind(lab, TALKER) as left:
        tree = left.folder / "tree"
        (tree / "a").write_text("")
        while b"end of it" not in await anyio.Path(left.folder / "out").read_bytes():
            await look_again()
        async with lab.worker("w1"):
            await lab.printed(left.task_id, GOES_ON)
            (tree / "b").write_text("")
            await lab.ended(left.task_id)

    said = (await lab.output(left.task_id)).splitlines()
    alone = [f"alone {n}" for n in range(20_000)]
    assert said == ["before 0", "before 1", "before 2", *alone, "end of it", "after"]
    assert (await lab.output(left.task_id, "sys")).count(GOES_ON) == 1


async def test_each_session_says_in_the_log_that_it_goes_on(lab: Lab) -> None:
    """Words of a session begin where those of the one before ended, or they look like a replay."""
    async with left_behind(lab) as left:
        for times in (1, 2):
            async with short_session(lab):
                with anyio.fail_after(20):
                    while (await lab.output(left.task_id, "sys")).count(GOES_ON) < times:
                        await look_again()
        await left.end()
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert record.exit_code == 7


async def test_what_waits_is_claimed_beside_it(lab: Lab) -> None:
    async with left_behind(lab) as left, lab.worker("w1", slots=2):
        [other] = await lab.ended(await lab.submit("print('beside it')"))
        await left.go()
        await lab.ended(left.task_id)

    assert other.state == "succeeded"


async def test_it_takes_its_room_also_of_a_worker_that_has_less(lab: Lab) -> None:
    async with left_behind(lab) as left:
        second = await lab.submit("print('later')")
        async with lab.worker("w1", slots=1):
            await lab.printed(left.task_id, GOES_ON)
            await lab.reached_beat("w1")
            await left.go()
            await lab.ended(left.task_id, second)

    order = [(e.task_id, e.fields.get("state")) for e in await lab.events() if e.event != "phase"]
    assert order.index((left.task_id, "failed")) < order.index((second, "running"))


async def test_it_is_found_also_where_its_lease_ran_out(lab: Lab) -> None:
    async with left_behind(lab) as left:
        await lab.lease_runs_out(left.task_id)
        async with lab.worker("w1"):
            await left.go()
            [record] = await lab.ended(left.task_id)

    assert (record.exit_code, record.fence, record.lost) == (7, 1, 0)


async def test_it_is_ended_where_another_worker_has_the_task_now(lab: Lab) -> None:
    async with left_behind(lab, SLEEPER, grace_s=0.1) as left:
        pids = await left.pids()
        await lab.taken_away(left.task_id)
        async with lab.worker("w1"):
            for pid in pids:
                await ends(pid)

    record = await lab.record(left.task_id)
    assert (record.state, record.fence, record.worker) == ("running", 2, "other")


async def test_it_is_cancelled_as_ever(lab: Lab) -> None:
    async with left_behind(lab, SLEEPER) as left:
        await Tasks(lab.namespace).cancel(left.task_id, grace_ms=0)
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.fence) == ("cancelled", 1)
    for pid in await left.pids():
        await ends(pid)


async def test_its_time_counts_from_its_start(lab: Lab) -> None:
    def an_hour_ago(line: dict[str, Any]) -> None:
        if line["event"] == "started":
            line["watch"]["started_s"] -= 3600

    async with left_behind(lab, SLEEPER, timeout_s=1800, grace_s=0.1) as left:
        left.change(an_hour_ago)
        async with lab.worker("w1"):
            [record] = await lab.ended(left.task_id)

    assert (record.state, record.reason) == ("timed_out", "timed out after 1800 s")


async def test_a_worker_that_is_stopped_gives_it_back(lab: Lab) -> None:
    async with left_behind(lab, SLEEPER, grace_s=0.1) as left, lab.worker("w1"):
        await lab.printed(left.task_id, GOES_ON)
        await Draining(lab.namespace).stop("w1")
        await lab.gone("w1")

    record = await lab.record(left.task_id)
    assert (record.state, record.attempt, record.lost) == ("queued", 1, 0)
    for pid in await left.pids():
        await ends(pid)


async def test_it_is_found_by_its_run_folder_where_the_start_is_not_noted(lab: Lab) -> None:
    """The journal ends in the middle of the line."""
    async with left_behind(lab) as left:
        claimed, started = left.journal.read_bytes().splitlines(keepends=True)
        left.journal.write_bytes(claimed + started[:-20])
        async with lab.worker("w1"):
            await lab.printed(left.task_id, GOES_ON)
            await left.go()
            [record] = await lab.ended(left.task_id)

    assert (record.exit_code, record.fence) == (7, 1)


@pytest.mark.parametrize("journal", [b"", b"\0\0{\n"], ids=["empty", "garbage"])
async def test_it_is_found_by_its_run_folder_where_the_journal_is_lost(
    lab: Lab, journal: bytes
) -> None:
    async with left_behind(lab) as left:
        left.journal.write_bytes(journal)
        async with lab.worker("w1"):
            await lab.printed(left.task_id, GOES_ON)
            await left.go()
            [record] = await lab.ended(left.task_id)

    assert (record.exit_code, record.fence) == (7, 1)


async def test_the_journal_of_an_earlier_version_is_read(lab: Lab) -> None:
    def as_before(line: dict[str, Any]) -> None:
        line.pop("watch", None)
        for field in ("gpus", "need", "watch"):
            line.get("attempt", {}).pop(field, None)

    async with left_behind(lab, SLEEPER, grace_s=0.1) as left:
        left.change(as_before)
        async with lab.worker("w1"):
            await lab.printed(left.task_id, GOES_ON)
            await Tasks(lab.namespace).cancel(left.task_id)
            [record] = await lab.ended(left.task_id)

    assert record.state == "cancelled"


async def test_a_process_that_has_its_pid_now_is_not_taken_for_it(lab: Lab) -> None:
    async with await anyio.open_process([sys.executable, "-c", "input()"]) as stranger:

        def moved(line: dict[str, Any]) -> None:
            if line["event"] == "started":
                line["handle"]["pid"] = stranger.pid

        async with left_behind(lab, SLEEPER) as left:
            await left.kill_shim()
            left.change(moved)
            await Tasks(lab.namespace).cancel(left.task_id, grace_ms=0)
            async with lab.worker("w1"):
                [record] = await lab.ended(left.task_id)
        is_alive = stranger.returncode is None
        stranger.kill()

    assert (record.state, is_alive) == ("cancelled", True)


async def test_a_shim_that_dies_later_is_infrastructure(lab: Lab) -> None:
    async with left_behind(lab, SLEEPER) as left, lab.worker("w1"):
        pids = await left.pids()
        await lab.printed(left.task_id, GOES_ON)
        await left.kill_shim()
        [record] = await lab.ended(left.task_id)

    assert (record.state, record.reason) == ("errored", "supervisor lost")
    for pid in pids:
        await ends(pid)


async def test_it_is_booked_and_told_with_its_gpus(lab: Lab) -> None:
    def with_gpu(line: dict[str, Any]) -> None:
        if line["event"] == "claimed":
            line["attempt"]["gpus"], line["attempt"]["need"] = ["1"], {"gpus": 1}

    async with left_behind(lab) as left:
        left.change(with_gpu)
        async with lab.worker("w1", slots=0, gpus=("0", "1")):
            await lab.worker_tells("w1", "gpu_tasks", f'{{"1": "{left.task_id}"}}')
            await left.end()
            await lab.ended(left.task_id)
    assert await lab.namespace.redis.zcard(keys.leases(lab.namespace.prefix)) == 0
