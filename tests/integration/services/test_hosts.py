"""Hosts and their calls, with real environments and processes."""

import os
import signal
from pathlib import Path

import anyio
import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.broker.definition import Code, EnvironmentSpec
from rq_agent.broker.errors import SnapshotError, TrustError
from rq_agent.broker.states import Phase
from rq_agent.worker.endings import StopCause
from rq_agent.worker.executors.venv import VenvExecutor
from rq_agent.worker.process import boot_clock
from rq_agent.worker.process.handle import is_alive
from rq_agent.worker.services import host_folder
from rq_agent.worker.services.calls import Call
from rq_agent.worker.services.hosts import Hosts

from .rig import Folder, Listener, Rig, call

CODE = """
import asyncio, os, sys, time
kept = []
async def add(a, b):
    print("adds", a, b)
    return a + b
def plain(a):
    print("plain", os.getppid())
    return a
async def wait():
    print("waits")
    await asyncio.sleep(600)
async def wait_for(path):
    print("waits")
    while not os.path.exists(path):
        await asyncio.sleep(0.01)
    return "there"
async def block(s):
    time.sleep(s)
async def leave(code):
    os._exit(code)
async def eat(mib):
    kept.append(b"x" * (mib << 20))
    await asyncio.sleep(600)
async def refuse():
    print("waits")
    while True:
        try:
            await asyncio.sleep(600)
        except BaseException:
            pass
"""


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def rig(tmp_path: Path, executor: VenvExecutor) -> Rig:
    return Rig(tmp_path, CODE, executor)


async def run_in(hosts: Hosts, listener: Listener, rig: Rig, *calls: Call) -> None:
    """Have calls run, and wait until each has printed something."""
    hosts.call(rig.plan(), calls)
    for one in calls:
        await listener.heard(one.key, "waits")


def folders(rig: Rig) -> list[str]:
    hosts = rig.folder / "hosts"
    return os.listdir(hosts) if hosts.exists() else []


async def test_calls_run_in_one_host_and_say_what_they_print_before_they_end(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener) as hosts:
        hosts.call(rig.plan(), [call("a.1", "add", 1, 2), call("b.1", "add", "x", "y")])
        first, second = await listener.end_of("a.1"), await listener.end_of("b.1")
        hosts.call(rig.plan(), [call("c.1", "missing")])
        third = await listener.end_of("c.1")
        (view,) = hosts.views()
        hosts.settled(["a.1", "b.1", "c.1"])

    assert (first.outcome, first.result, first.note) == (Outcome.SUCCEEDED, b"3", "note of a.1")
    assert second.result == b'"xy"'
    assert listener.text("a.1") == "adds 1 2\n"
    assert (third.outcome, third.isolation) == (Outcome.FAILED, None)
    assert "no function 'missing'" in third.reason
    assert (view.number, view.kind, view.tasks) == (1, "coroutine", 0)
    assert folders(rig) == []


async def test_plain_functions_run_in_processes_of_one_host(rig: Rig, listener: Listener) -> None:
    async with rig.hosts(listener) as hosts:
        hosts.call(rig.plan("process"), [call("a.1", "plain", 1), call("b.1", "plain", 2)])
        ends = [await listener.end_of("a.1"), await listener.end_of("b.1")]
        (view,) = hosts.views()

    assert [end.result for end in ends] == [b"1", b"2"]
    assert listener.text("a.1") == listener.text("b.1") == f"plain {view.pid}\n"


async def test_five_hundred_calls_of_a_killed_host_go_back_once_and_run_with_fewer(
    rig: Rig, listener: Listener
) -> None:
    calls = [call(f"t{n}.1", "wait") for n in range(500)]
    async with rig.hosts(listener) as hosts:
        await run_in(hosts, listener, rig, *calls)
        (view,) = hosts.views()
        os.kill(view.pid, signal.SIGKILL)
        await listener.until(lambda: len(listener.ends) >= 500)

    assert {end.key for end in listener.ends} == {one.key for one in calls}
    assert len(listener.ends) == 500
    assert {(end.outcome, end.isolation, end.reason) for end in listener.ends} == {
        (Outcome.RELEASE, 1, "its host ended: signal 9")
    }
    said = listener.text("t7.1", "sys")
    assert "499 other tasks" in said
    assert "uncharged, with fewer others in its host" in said


async def test_the_next_session_goes_on_with_what_runs_and_hears_what_ended(
    rig: Rig, listener: Listener
) -> None:
    there = rig.folder / "there"
    second = Listener()
    async with rig.hosts(Listener()) as third_of_all:
        async with anyio.create_task_group() as group:
            first = Hosts(rig.tools(), listener, group)
            await run_in(
                first,
                listener,
                rig,
                call("a.1", "wait_for", str(there)),
                call("b.1", "wait"),
                call("c.1", "wait_for", str(rig.folder)),
            )
            await listener.end_of("c.1")  # not settled: nobody knows whether it was told
            (view,) = first.views()
            group.cancel_scope.cancel()
        async with rig.hosts(second) as hosts:
            running = await hosts.find()
            heard_before = [*second.ends, *second.parts]
            again = hosts.views()
            there.touch()
            end = await second.end_of("a.1")
            hosts.cancel("b.1", StopCause.CANCELLED)
            hosts.call(rig.plan(), [call("d.1", "add", 1, 2)])
            await second.end_of("b.1")
            await second.end_of("d.1")
            hosts.settled(["a.1", "b.1", "c.1", "d.1"])
            numbers = [one.number for one in hosts.views()]
        assert await third_of_all.find() == []

    assert {(one.key, one.note) for one in running} == {
        ("a.1", "note of a.1"),
        ("b.1", "note of b.1"),
        ("c.1", "note of c.1"),  # nobody knows whether its end was told
    }
    assert heard_before == []  # nobody could know of whom that is
    assert second.text("a.1") == second.text("b.1") == "waits\n"
    assert [(one.pid, one.tasks, one.number) for one in again] == [(view.pid, 2, 1)]
    assert (end.outcome, end.result, end.note) == (Outcome.SUCCEEDED, b'"there"', "note of a.1")
    assert [one.key for one in second.ends] == ["c.1", "a.1", "b.1", "d.1"]
    assert numbers == [1]  # it takes new calls too


async def test_what_a_host_reported_before_it_died_unwatched_counts(
    rig: Rig, listener: Listener
) -> None:
    second, third = Listener(), Listener()
    async with anyio.create_task_group() as group:
        first = Hosts(rig.tools(), listener, group)
        await run_in(first, listener, rig, call("b.1", "wait"))
        first.call(rig.plan(), [call("a.1", "add", 1, 2)])
        await listener.end_of("a.1")
        (folder,) = (rig.folder / "hosts").iterdir()
        (left,) = host_folder.left(rig.folder / "hosts")
        first.let_go()
    await rig.executor.stop(left.handle, grace_s=0)
    (rig.folder / "hosts" / "9.made-up").mkdir()  # cut before anything was started

    async with rig.hosts(second) as hosts:
        running = await hosts.find()
        await second.end_of("a.1")
    kept = folders(rig)
    async with rig.hosts(third) as hosts:
        await hosts.find()
        end = await third.end_of("a.1")
        hosts.settled(["a.1"])

    assert {(one.key, one.note) for one in running} == {
        ("a.1", "note of a.1"),
        ("b.1", "note of b.1"),  # it died with its host
    }
    assert kept == [folder.name]  # its end was told, and is not safe yet
    assert (end.result, end.note) == (b"3", "note of a.1")
    assert [(end.key, end.outcome) for end in second.ends] == [
        ("a.1", Outcome.SUCCEEDED),
        ("b.1", Outcome.RELEASE),
    ]
    assert folders(rig) == []


async def test_who_takes_its_worker_along_runs_apart_and_is_charged_in_the_end(
    rig: Rig, listener: Listener
) -> None:
    second = Listener()
    async with anyio.create_task_group() as group:
        first = Hosts(rig.tools(), listener, group)
        await run_in(first, listener, rig, call("a.1", "wait"), call("b.1", "wait"))
        await run_in(first, listener, rig, call("c.1", "wait", isolation=3))
        first.call(rig.plan(), [call("d.1", "add", 1, 2)])
        await listener.end_of("d.1")
        first.let_go()
    for left in host_folder.left(rig.folder / "hosts"):  # nothing writes how it ended
        os.kill(left.handle.pid, signal.SIGKILL)

    async with rig.hosts(second) as hosts:
        running = await hosts.find()
        await second.until(lambda: len(second.ends) == 4)
        hosts.settled(["d.1"])

    ends = {end.key: (end.outcome, end.isolation, end.note) for end in second.ends}
    assert sorted(one.key for one in running) == ["a.1", "b.1", "c.1", "d.1"]
    assert ends.pop("d.1") == (Outcome.SUCCEEDED, None, "note of d.1")
    assert ends == {
        "a.1": (Outcome.RELEASE, 3, "note of a.1"),
        "b.1": (Outcome.RELEASE, 3, "note of b.1"),
        "c.1": (Outcome.LOST, None, "note of c.1"),
    }


async def test_who_blocks_the_loop_is_told_where_and_its_neighbours_go_back(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener, lag_s=0.3) as hosts:
        await run_in(hosts, listener, rig, call("n.1", "wait"))
        hosts.call(rig.plan(), [call("a.1", "block", 30)])
        guilty, neighbour = await listener.end_of("a.1"), await listener.end_of("n.1")
        hosts.call(rig.plan(), [call("a.2", "block", 30, isolation=4)])
        again = await listener.end_of("a.2")

    assert (guilty.outcome, guilty.isolation) == (Outcome.RELEASE, 4)
    assert (neighbour.outcome, neighbour.isolation) == (Outcome.RELEASE, None)
    assert (again.outcome, again.isolation) == (Outcome.FAILED, None)
    assert again.reason.startswith("blocked its event loop for")
    said = listener.text("a.1", "sys")
    assert "time.sleep(s)" in said
    assert "asyncio.to_thread" in said
    assert "--host-lag" in said
    assert "gets a host for itself; if that ends too, it fails" in said
    assert "time.sleep" not in listener.text("n.1", "sys")
    assert "this is its own end" in listener.text("a.2", "sys")


async def test_who_calls_os_exit_is_alone_next_time_and_then_fails(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener) as hosts:
        await run_in(hosts, listener, rig, call("n.1", "wait"))
        hosts.call(rig.plan(), [call("a.1", "leave", 7), call("a.2", "leave", 7, isolation=4)])
        first, again = await listener.end_of("a.1"), await listener.end_of("a.2")
        neighbour = await listener.end_of("n.1")

    assert (first.outcome, first.isolation) == (Outcome.RELEASE, 4)
    assert (again.outcome, again.reason, again.exit_code) == (Outcome.FAILED, "exit 7", 7)
    assert (neighbour.outcome, neighbour.isolation) == (Outcome.RELEASE, None)
    assert "another task in that host did this" in listener.text("n.1", "sys")


async def test_a_call_alone_that_uses_too_much_memory_fails_for_that(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener, mem_mib=200.0) as hosts:
        hosts.call(rig.plan(), [call("a.1", "eat", 400, isolation=3)])
        end = await listener.end_of("a.1")

    assert (end.outcome, end.reason) == (Outcome.FAILED, "oom: used more than 200 MiB")


async def test_a_call_that_swallows_its_cancellation_ends_with_its_host(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener) as hosts:
        await run_in(hosts, listener, rig, call("n.1", "wait"), call("a.1", "refuse"))
        hosts.cancel("a.1", StopCause.CANCELLED, grace_s=0.1)
        end, neighbour = await listener.end_of("a.1"), await listener.end_of("n.1")

    assert end.outcome is Outcome.CANCELLED
    assert (neighbour.outcome, neighbour.isolation) == (Outcome.RELEASE, None)


async def test_a_call_is_cancelled_at_once_though_its_host_is_not_there_yet(
    rig: Rig, listener: Listener
) -> None:
    async with rig.hosts(listener) as hosts:
        hosts.call(rig.plan(), [call("a.1", "wait")])
        hosts.cancel("a.1", StopCause.CANCELLED, reason="by ann")

        (end,) = listener.ends
        assert (end.outcome, end.reason) == (Outcome.CANCELLED, "by ann")
    assert len(listener.ends) == 1
    assert folders(rig) == []


class Slow(Folder):
    """Snapshots that come when the test says so."""

    def __init__(self) -> None:
        super().__init__(CODE)
        self.there = anyio.Event()

    async def put(self, code: Code, tree: Path) -> None:
        await self.there.wait()
        await super().put(code, tree)


async def test_who_waits_long_for_a_host_is_told_what_it_is_at(
    rig: Rig, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.hosts.LOOK_S", 0.01)
    monkeypatch.setattr("rq_agent.worker.services.pool._LONG_S", 0.0)
    slow = Slow()
    async with rig.hosts(listener, snapshots=slow) as hosts:
        hosts.call(rig.plan(), [call("a.1", "add", 1, 2)])
        await listener.until(lambda: listener.phases == [("a.1", Phase.SNAPSHOT)])
        slow.there.set()
        await listener.end_of("a.1")

    assert listener.phases[-1] == ("a.1", Phase.RUNNING)


class Broken:
    """Snapshots that can't be had."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def put(self, code: object, tree: Path) -> None:
        raise self.error


class Full:
    """A disk without room."""

    async def is_short(self) -> bool:
        return True

    async def refuse(self, task_id: str) -> bool:
        return task_id == "large"


@pytest.mark.parametrize(
    ("error", "room", "outcome", "may_retry", "reason"),
    [
        (SnapshotError("gone"), None, Outcome.ERRORED, True, "gone"),
        (SnapshotError("cut"), Full(), Outcome.RELEASE, True, "cut"),
        (TrustError("forged"), None, Outcome.ERRORED, False, "quarantined: forged"),
        (OSError(28, "No space left", "/x"), Full(), Outcome.RELEASE, True, "free some space"),
        (OSError(5, "I/O error", "/x"), None, Outcome.ERRORED, True, "worker w1: /x: I/O error"),
    ],
)
async def test_calls_end_whose_host_can_t_be_made(
    rig: Rig,
    listener: Listener,
    error: Exception,
    room: Full | None,
    outcome: Outcome,
    may_retry: bool,
    reason: str,
) -> None:
    changes = {"snapshots": Broken(error), **({"room": room} if room else {})}
    async with rig.hosts(listener, **changes) as hosts:
        hosts.call(rig.plan(), [call("a.1", "add"), call("b.1", "add")])
        await listener.until(lambda: len(listener.ends) >= 2)

    assert {(end.outcome, end.may_retry) for end in listener.ends} == {(outcome, may_retry)}
    assert reason in listener.ends[0].reason
    assert folders(rig) == []


async def test_what_can_t_be_installed_is_told_in_the_logs(rig: Rig, listener: Listener) -> None:
    rig.environment = EnvironmentSpec(requirements=("no-such-package-anywhere-4711==9",))
    async with rig.hosts(listener) as hosts:
        hosts.call(rig.plan(), [call("a.1", "add")])
        end = await listener.end_of("a.1")

    assert (end.outcome, end.reason[:12]) == (Outcome.ERRORED, "environment:")
    assert "no-such-package-anywhere-4711" in listener.text("a.1", "sys")


async def test_a_host_that_can_t_be_started_is_given_up_after_three_tries(
    rig: Rig, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.pool._PAUSES_S", (0.01, 0.01))
    async with rig.hosts(listener) as hosts:
        bad = rig.plan(env={"PYTHONHOME": "/nonexistent"})
        hosts.call(bad, [call("a.1", "add"), call("b.1", "add")])
        end, other = await listener.end_of("a.1"), await listener.end_of("b.1")

    assert (end.outcome, end.reason) == (
        Outcome.ERRORED,
        "its host could not be started: exit 1",
    )
    assert other.outcome is Outcome.ERRORED
    assert "No module named 'encodings'" in listener.text("a.1", "sys")


async def test_a_target_outside_of_the_snapshot_is_refused(rig: Rig, listener: Listener) -> None:
    async with rig.hosts(listener) as hosts:
        hosts.call(rig.plan(), [Call(key="a.1", target="./../x.py:f", arguments=b"[[],{}]")])

        (end,) = listener.ends
    assert (end.outcome, end.may_retry) == (Outcome.ERRORED, False)


async def test_idle_hosts_end_and_a_host_of_one_call_ends_with_it(
    rig: Rig, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.hosts.LOOK_S", 0.05)
    async with rig.hosts(listener, idle_s=0.1) as hosts:
        hosts.call(rig.plan(), [call("a.1", "add", 1, 2), call("b.1", "add", 1, 2, isolation=3)])
        await listener.end_of("a.1")
        await listener.end_of("b.1")
        left = host_folder.left(rig.folder / "hosts")
        hosts.settled(["a.1", "b.1"])
        with anyio.fail_after(10):
            while hosts.views():
                await anyio.sleep(0.01)

    assert len(left) == 2
    assert not any(is_alive(one.handle) for one in left)


async def test_a_call_runs_as_long_as_it_is_renewed_also_where_its_worker_is_gone(
    rig: Rig, listener: Listener
) -> None:
    plan = rig.plan(exclusive="kill")
    async with rig.hosts(listener) as hosts:
        begun_s = boot_clock.now_s()
        one = call("t1.1", "wait", until_s=begun_s + 60)
        hosts.call(plan, [one])
        hosts.renew("t1.1", begun_s + 1.5)
        await listener.heard("t1.1", "waits")
        hosts.renew("t1.1", begun_s + 2.0)
        end = await listener.end_of("t1.1")
        lasted_s = boot_clock.now_s() - begun_s

    assert (end.outcome, end.reason[:6]) == (Outcome.LOST, "killed")
    assert lasted_s > 1.9
