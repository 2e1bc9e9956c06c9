"""What a worker that starts anew waits for."""

import anyio
import anyio.lowlevel
import pytest

from rq_agent.broker.claims import Claim
from rq_agent.broker.keys import TaskId
from rq_agent.worker import handing_over
from rq_agent.worker.endings import StopCause
from rq_agent.worker.handing_over import hand_over
from rq_agent.worker.held import Held, HeldTasks
from rq_agent.worker.signals import Signals


@pytest.fixture
def signals() -> Signals:
    signals = Signals()
    signals.obey("restart", by="ada")
    return signals


@pytest.fixture
def tasks(signals: Signals) -> HeldTasks:
    return HeldTasks(signals.notify)


def held(tasks: HeldTasks, task_id: str, *, is_started: bool, is_watched: bool) -> Held:
    claim = Claim(
        task_id=TaskId(task_id),
        fence=1,
        nonce="n",
        queue="q",
        shape="s",
        attempt=1,
        definition="d",
        envelope=None,
        lease_ms=1,
        name="",
        user="",
        priority=0,
        lost=0,
        timeout_ms=0,
    )
    one = Held(claim, ())
    one.is_started, one.is_watched = is_started, is_watched
    tasks.add(one)
    return one


async def test_what_runs_is_handed_over_at_once(signals: Signals, tasks: HeldTasks) -> None:
    running = held(tasks, "a", is_started=True, is_watched=True)

    assert await hand_over(tasks, signals)

    assert (signals.handed_over, running.cause) == (1, None)


async def test_what_is_not_started_is_given_back_and_waited_for(
    signals: Signals, tasks: HeldTasks
) -> None:
    early = held(tasks, "a", is_started=False, is_watched=False)
    ending = held(tasks, "b", is_started=True, is_watched=False)
    done = anyio.Event()

    async def wait() -> None:
        assert await hand_over(tasks, signals)
        done.set()

    async with anyio.create_task_group() as tg:
        tg.start_soon(wait)
        with anyio.fail_after(5):
            await early.stopping.wait()
        assert (early.cause, early.reason) == (StopCause.RELEASED, "`worker restart`")
        assert ending.cause is None
        tasks.remove(early)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        assert not done.is_set()
        tasks.remove(ending)
        with anyio.fail_after(5):
            await done.wait()

    assert signals.handed_over == 0


@pytest.mark.parametrize("how", ["undrain", "SIGTERM", "stop"])
async def test_it_is_broken_off_where_the_worker_is_to_do_something_else(
    signals: Signals, tasks: HeldTasks, how: str
) -> None:
    held(tasks, "a", is_started=True, is_watched=False)
    if how == "undrain":
        signals.obey("")
    else:
        signals.drain(how)

    with anyio.fail_after(5):
        assert not await hand_over(tasks, signals)


async def test_it_does_not_wait_for_ever(
    signals: Signals, tasks: HeldTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis may be away, so that no end can be told."""
    monkeypatch.setattr(handing_over, "_PATIENCE_S", 0.01)
    held(tasks, "a", is_started=True, is_watched=False)

    with anyio.fail_after(5):
        assert await hand_over(tasks, signals)
