"""A host is run by users' code: whatever it says harms only the calls in it, and each ends once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.worker.endings import StopCause
from rq_agent.worker.environment.cache import Environments
from rq_agent.worker.executors.venv import VenvExecutor
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.sdk_folder import bootstrap_path, materialize
from rq_agent.worker.services.calls import Call, Ended
from rq_agent.worker.services.channel import Channel

from .rig import Listener, Rig

DONE = '["done", [["%s", "%s", 0, "", "5", "", 7]]]'
MINE = DONE % ("KEY", "succeeded")
NOBODY_S = DONE % ("nobody.1", "succeeded")
ON = '["out", "KEY", "out", 0, "on"]'
PULSE = '["pulse", 1, 1000000, 1]'


def saying(key: str, *words: str, isolation: int = 0) -> Call:
    """Return a call that has the host report lines."""
    arguments = msgspec.json.encode([words, {}])
    return Call(key=key, target="mine:f", arguments=arguments, note=key, isolation=isolation)


@pytest.fixture
async def executor(cache: Path) -> AsyncIterator[VenvExecutor]:
    async with Launcher() as launcher:
        yield VenvExecutor(
            Environments(cache),
            launcher,
            sdk=materialize(cache),
            bootstrap=bootstrap_path(cache),
            host=Path(__file__).with_name("fake_host.py"),
        )


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def rig(tmp_path: Path, executor: VenvExecutor) -> Rig:
    return Rig(tmp_path, "", executor)


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at hosts more often than each second."""
    for module in ("host", "hosts"):
        monkeypatch.setattr(f"rq_agent.worker.services.{module}.LOOK_S", 0.05)


def outcomes(ends: list[Ended]) -> dict[str, tuple[Outcome, int | None]]:
    assert len({end.key for end in ends}) == len(ends)
    return {end.key: (end.outcome, end.isolation) for end in ends}


async def test_reports_about_others_are_passed_over(rig: Rig, listener: Listener) -> None:
    async with rig.hosts(listener, lag_s=0.2) as hosts:
        hosts.call(rig.plan(), [saying("other.1", ON)])
        await listener.heard("other.1", "on")
        foreign = [
            NOBODY_S,
            '["out", "nobody.1", "out", 0, "forged"]',
            '["gap", "nobody.1", "out", 5]',
            '["exits", "nobody.1", 7]',
            '["blocked", "nobody.1", 9, "x"]',
            '["state", [["nobody.1", "forged", 1]]]',
            '["moon", 1]',
        ]
        second = rig.plan(argv=("x",))
        hosts.call(second, [saying("a.1", *foreign, DONE % ("other.1", "failed"), MINE, MINE)])

        assert (await listener.end_of("a.1")).outcome is Outcome.SUCCEEDED
        assert [end.key for end in listener.ends] == ["a.1"]
        assert {part.key for part in listener.parts} == {"other.1"}
        assert sum(view.tasks for view in hosts.views()) == 1  # the other one runs on


async def test_a_host_that_is_heard_before_it_is_connected_gets_its_calls(
    rig: Rig, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected = Channel.connected

    async def late(folder: Path, *args: Any, **options: Any) -> Channel | None:
        channel = await connected(folder, *args, **options)
        while b"ready" not in (folder / "reports.1").read_bytes():
            await anyio.sleep(0.001)
        for host in hosts._hosts.values():
            host.look()
        return channel

    monkeypatch.setattr(Channel, "connected", late)
    async with rig.hosts(listener) as hosts:
        hosts.call(rig.plan(), [saying("a.1", MINE)])

        assert (await listener.end_of("a.1")).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("nonsense", ['["done", 1]', "HUGE"])
async def test_a_host_that_reports_nonsense_is_replaced_and_what_it_said_before_counts(
    rig: Rig, listener: Listener, nonsense: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.reports._LONGEST_LINE", 8 << 20)
    async with rig.hosts(listener, lag_s=0.2) as hosts:
        neighbours = [saying(f"n{n}.1") for n in range(3)]

        hosts.call(rig.plan(), [*neighbours, saying("a.1", MINE), saying("b.1", nonsense)])
        await listener.until(lambda: len(listener.ends) >= 5)

        found = outcomes(listener.ends)
        assert found.pop("a.1") == (Outcome.SUCCEEDED, None)
        assert set(found.values()) == {(Outcome.RELEASE, 3)}


async def test_who_says_that_it_exits_is_guilty_and_its_neighbours_are_not(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener, lag_s=0.2) as hosts:
        guilty = saying("a.1", '["exits", "KEY", 7]', "EXIT")
        alone = saying("b.1", '["exits", "KEY", 7]', "EXIT", isolation=4)

        hosts.call(rig.plan(), [saying("n.1"), guilty, alone])
        await listener.until(lambda: len(listener.ends) >= 3)

        assert outcomes(listener.ends) == {
            "n.1": (Outcome.RELEASE, None),
            "a.1": (Outcome.RELEASE, 4),
            "b.1": (Outcome.FAILED, None),
        }


async def test_a_host_whose_connection_breaks_or_that_is_killed_is_replaced(
    rig: Rig, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.host._CLOSED_S", 0.1)
    async with rig.hosts(listener, lag_s=0.2) as hosts:
        hosts.call(rig.plan(), [saying("a.1", "CLOSE")])
        hosts.call(rig.plan(argv=("x",)), [saying("b.1", "KILL", isolation=3)])
        first, second = await listener.end_of("a.1"), await listener.end_of("b.1")

        assert (first.outcome, first.isolation) == (Outcome.RELEASE, 3)
        assert (second.outcome, second.reason, second.exit_code) == (
            Outcome.FAILED,
            "signal 9",
            137,
        )


@pytest.mark.usefixtures("often")
async def test_a_host_without_a_pulse_is_looked_into_and_replaced(
    rig: Rig, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.vitals._EXTRA_S", 0.3)
    async with rig.hosts(listener, lag_s=0.2) as hosts:
        hosts.call(rig.plan(), [saying("a.1", PULSE, "SILENT")])
        end = await listener.end_of("a.1")

        assert (end.outcome, end.isolation) == (Outcome.RELEASE, 4)
        assert "no sign of life" in listener.text("a.1", "sys")


async def test_who_refuses_to_end_is_cancelled_and_its_neighbours_go_back(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener, lag_s=0.2) as hosts:
        hosts.call(rig.plan(), [saying("n.1"), saying("a.1", ON)])
        await listener.heard("a.1", "on")
        hosts.cancel("a.1", StopCause.CANCELLED, reason="by ann")
        hosts.call(rig.plan(), [saying("b.1", '["refused", "a.1", "it goes on"]')])
        await listener.until(lambda: len(listener.ends) >= 3)

        assert outcomes(listener.ends) == {
            "a.1": (Outcome.CANCELLED, None),
            "n.1": (Outcome.RELEASE, None),
            "b.1": (Outcome.RELEASE, None),
        }


@pytest.mark.usefixtures("often")
async def test_a_call_that_does_not_end_in_time_costs_its_host_the_life(
    rig: Rig, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.in_host._PATIENCE_S", 0.1)
    async with rig.hosts(listener, lag_s=0.2) as hosts:
        hosts.call(rig.plan(), [saying("a.1", ON, PULSE)])
        await listener.heard("a.1", "on")
        hosts.cancel("a.1", StopCause.CANCELLED, grace_s=0.1)
        end = await listener.end_of("a.1")

        assert (end.outcome, end.reason) == (Outcome.CANCELLED, "cancelled; it did not end in time")
