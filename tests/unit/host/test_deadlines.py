"""Timers of calls."""

import asyncio

import pytest

from rq_agent.worker.host.call import Call
from rq_agent.worker.host.deadlines import Deadlines


def call_of(timeout_s: float, started: float) -> Call:
    call = Call("t.1", "m:f", [[], {}], timeout_s, 5, "", True)
    call.started = started
    return call


@pytest.mark.parametrize(("timeout_s", "is_armed"), [(0.5, True), (5.0, False)])
async def test_only_short_times_get_a_timer_at_once(timeout_s: float, is_armed: bool) -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, lambda call: None)
    call = call_of(timeout_s, loop.time())

    deadlines.add(call)

    assert (call.timer is not None) is is_armed
    deadlines.arm()
    assert call.timer is not None
    assert call.timer.when() == pytest.approx(call.started + timeout_s, abs=0.05)
    call.timer.cancel()


async def test_what_has_ended_or_is_stopped_gets_no_timer() -> None:
    loop = asyncio.get_running_loop()
    deadlines = Deadlines(loop, lambda call: None)
    ended, stopped = call_of(5, loop.time()), call_of(5, loop.time())
    deadlines.add(ended)
    deadlines.add(stopped)

    ended.has_ended = True
    stopped.timer = timer = loop.call_later(60, print)
    deadlines.arm()

    assert ended.timer is None
    assert stopped.timer is timer
    timer.cancel()
