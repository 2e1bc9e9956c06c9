"""Which errors come from a disk without room, and who is to blame for it."""

import errno
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from rq_agent.broker.errors import BuildError, DiskFull, RqAgentError
from rq_agent.broker.keys import TaskId
from rq_agent.worker import room
from rq_agent.worker.patience import both
from rq_agent.worker.room import Room, can_write, is_disk_full
from rq_agent.worker.signals import Signals
from rq_agent.worker.space import Space

A, B = TaskId("a" * 16), TaskId("b" * 16)
FULL = Space(free_bytes=0, total_bytes=10**12)
EMPTY = Space(free_bytes=10**12, total_bytes=10**12)


def wrapped(error: OSError) -> RqAgentError:
    try:
        raise RqAgentError("can't write") from error
    except RqAgentError as e:
        return e


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(errno.ENOSPC, "x"), True),
        (OSError(errno.EDQUOT, "x"), True),
        (OSError(errno.EACCES, "x"), False),
        (wrapped(OSError(errno.ENOSPC, "x")), True),
        (wrapped(OSError(errno.EIO, "x")), False),
        (DiskFull("x"), True),
        (BuildError("x"), False),
    ],
)
def test_the_cause_tells_whether_the_disk_is_full(error: Exception, full: bool) -> None:
    assert is_disk_full(error) is full


async def test_the_cause_is_still_known_when_one_of_two_steps_failed() -> None:
    async def fails() -> None:
        raise wrapped(OSError(errno.ENOSPC, "x"))

    with pytest.raises(RqAgentError) as caught:
        await both(fails, anyio.sleep_forever)

    assert is_disk_full(caught.value)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Space], None]:
    def become(space: Space) -> None:
        monkeypatch.setattr(room, "spaces_of", lambda folders: [space])

    become(EMPTY)
    return become


@pytest.fixture
def signals() -> Signals:
    return Signals()


@pytest.fixture
def checked(tmp_path: Path, signals: Signals) -> Room:
    return Room([tmp_path], signals, limit_bytes=10**9)


async def test_a_full_disk_closes_the_worker_until_there_is_room(
    checked: Room, signals: Signals, disk: Callable[[Space], None]
) -> None:
    disk(FULL)
    await checked.look()
    closed = signals.state, signals.is_resting
    disk(EMPTY)
    await checked.look()

    assert closed == ("disk-full", True)
    assert (signals.state, signals.is_resting) == ("", False)


async def test_a_task_that_finds_no_room_twice_on_an_empty_disk_is_too_large(
    checked: Room, disk: Callable[[Space], None]
) -> None:
    assert not await checked.refuse(A)
    assert not await checked.refuse(B)
    assert await checked.refuse(A)


async def test_where_the_disk_is_full_no_task_is_to_blame(
    checked: Room, signals: Signals, disk: Callable[[Space], None]
) -> None:
    disk(FULL)

    assert [await checked.refuse(A) for _ in range(5)] == [False] * 5
    assert signals.state == "disk-full"


async def test_a_used_up_quota_keeps_it_closed_though_the_disk_is_empty(
    checked: Room,
    signals: Signals,
    disk: Callable[[Space], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(room, "can_write", lambda folders: False)
        assert [await checked.refuse(A) for _ in range(3)] == [False] * 3
        await checked.look()
        state = signals.state
    await checked.look()

    assert (state, signals.state) == ("disk-full", "")


def test_room_is_what_can_be_written(tmp_path: Path) -> None:
    assert can_write([tmp_path])
    assert list(tmp_path.iterdir()) == []
    assert not can_write([tmp_path, tmp_path / "missing"])
