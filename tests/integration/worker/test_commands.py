"""What a running worker is told from afar, and by whom it lets itself be told."""

import pytest

from rq_agent.broker import keys
from rq_agent.broker.draining import Draining
from rq_agent.broker.states import TaskState
from rq_agent.broker.worker_labels import WorkerLabels

from .lab import Lab

_BEAT_MS = 600_000
"""So long that no beat comes by itself: what is obeyed within it was obeyed at once."""


@pytest.mark.parametrize("command", ["drain", "stop", "restart", "undrain", "look", "pause"])
async def test_a_forged_message_tells_a_worker_nothing(lab: Lab, command: str) -> None:
    async with lab.worker(beat_ms=200):
        first = await lab.submit("print('first')")
        await lab.ended(first)
        inbox = keys.inbox(lab.namespace.prefix, "w1")
        await lab.namespace.redis.xadd(inbox, {"c": command})
        await lab.namespace.redis.hset(
            keys.worker(lab.namespace.prefix, "w1"), mapping={"command": command, "paused": "1"}
        )
        await lab.reached_beat("w1")

        second = await lab.submit("print('second')")
        [record] = await lab.ended(second)

    assert record.state == TaskState.SUCCEEDED


async def test_a_paused_worker_finishes_what_runs_and_goes_on_when_resumed(lab: Lab) -> None:
    async with lab.worker(beat_ms=_BEAT_MS, lease_ms=2 * _BEAT_MS, slots=2):
        going = lab.folder / "go"
        first = await lab.submit(
            f"import pathlib, time\nwhile not pathlib.Path({str(going)!r}).exists(): time.sleep(.01)"
        )
        await lab.reached(first, "phase", phase="running")
        assert await Draining(lab.namespace, who="ada").pause("w1")
        await lab.worker_is("w1", "paused")
        second = await lab.submit("print('second')")
        going.touch()
        [record] = await lab.ended(first)
        assert record.state == TaskState.SUCCEEDED
        assert (await lab.record(second)).state == TaskState.QUEUED
        [worker] = await lab.workers()
        assert worker.facts["reason"] == "ada"

        await Draining(lab.namespace).resume("w1")
        [record] = await lab.ended(second)

    assert record.state == TaskState.SUCCEEDED


async def test_a_pause_stays_for_the_next_session(lab: Lab) -> None:
    async with lab.worker():
        await lab.worker_is("w1", "idle")
        await Draining(lab.namespace).pause("w1")
        await lab.worker_is("w1", "paused")

    async with lab.worker():
        await lab.worker_is("w1", "paused")
        task_id = await lab.submit("print('late')")
        await Draining(lab.namespace).resume("w1")
        [record] = await lab.ended(task_id)

    assert record.state == TaskState.SUCCEEDED


async def test_a_worker_that_drains_by_a_lost_message_is_undrained_by_a_beat(lab: Lab) -> None:
    async with lab.worker(beat_ms=200):
        going = lab.folder / "go"
        first = await lab.submit(
            f"import pathlib, time\nwhile not pathlib.Path({str(going)!r}).exists(): time.sleep(.01)"
        )
        await lab.reached(first, "phase", phase="running")
        await Draining(lab.namespace).drain("w1")
        await lab.worker_is("w1", "draining")
        # As undrain does, but its message gets lost.
        await lab.namespace.redis.delete(keys.command(lab.namespace.prefix, "w1"))
        await lab.worker_is("w1", "busy")
        going.touch()
        second = await lab.submit("print('second')")
        [record] = await lab.ended(second)

    assert record.state == TaskState.SUCCEEDED


async def test_a_worker_that_is_to_start_anew_ends_and_says_so(lab: Lab) -> None:
    async with lab.worker() as signals:
        task_id = await lab.submit("print('done')")
        await lab.ended(task_id)
        await Draining(lab.namespace, who="ada").restart("w1")
        await lab.worker_is("w1", "draining")
        assert signals.starts_anew
        assert signals.told_by == "ada"


async def test_labels_of_the_start_and_from_afar_are_told_together(lab: Lab) -> None:
    own = {"site": "north", "gpu": "a100"}
    async with lab.worker(beat_ms=_BEAT_MS, lease_ms=2 * _BEAT_MS, labels=own):
        await lab.worker_is("w1", "idle")
        await WorkerLabels(lab.namespace).change("w1", {"owner": "ada"}, remove=["site"])
        await lab.worker_tells("w1", "labels", '{"gpu": "a100", "owner": "ada"}')

    async with lab.worker(labels={"site": "south"}):
        await lab.worker_tells("w1", "labels", '{"owner": "ada"}')


async def test_a_worker_that_is_paused_with_once_ends(lab: Lab) -> None:
    async with lab.worker():
        await lab.worker_is("w1", "idle")
        await Draining(lab.namespace).pause("w1")
    task_id = await lab.submit("print('never')")

    await lab.work_once()

    assert (await lab.record(task_id)).state == TaskState.QUEUED
