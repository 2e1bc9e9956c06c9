"""Light tasks from claim to finish, in a worker whose hosts are fakes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from rq_agent.broker import keys
from rq_agent.broker.claims import Outcome
from rq_agent.broker.draining import Draining
from rq_agent.broker.joining.owner import Owner
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keyrings import Keyrings
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import AppendCode, Logs
from rq_agent.broker.states import Phase
from rq_agent.broker.trust import TrustFile
from rq_agent.broker.trusted_key import trusted_key
from rq_agent.worker.endings import StopCause
from rq_agent.worker.services.calls import Ended, Running
from rq_agent.worker.signals import Signals

from . import light_calls
from .fake_hosts import FakeHosts
from .lab import Lab

SCRIPT = "async def main(*words):\n    pass\n"


async def enqueue(lab: Lab, *calls: str, **options: Any) -> list[TaskId]:
    """Add calls of one function; what becomes of one is what its first argument says."""
    return await light_calls.enqueue(lab, SCRIPT, "main", *calls, **options)


@asynccontextmanager
async def worker(
    lab: Lab, *, prepared: Callable[[FakeHosts], None] = lambda hosts: None, **options: Any
) -> AsyncIterator[tuple[FakeHosts, Signals]]:
    """Run a worker whose hosts are fakes as long as the body runs; then drain it."""
    made: list[FakeHosts] = []
    signals = Signals()

    def make(*args: Any) -> FakeHosts:
        hosts = FakeHosts(*args)
        prepared(hosts)
        made.append(hosts)
        return hosts

    options.setdefault("services", 100)
    options.setdefault("slots", 0)
    async with anyio.create_task_group() as tg:
        tg.start_soon(partial(lab.work, signals=signals, make_hosts=make, **options))
        await lab.worker_is("w1", "idle")
        yield made[0], signals
        if not signals.starts_anew:
            signals.drain("the test is over")


async def test_many_calls_are_claimed_verified_and_told_together(lab: Lab) -> None:
    async with worker(lab, services=500) as (hosts, _):
        ids = await enqueue(lab, *['[["quick"],{}]'] * 600)
        records = await lab.ended(*ids)

        assert {record.state for record in records} == {"succeeded"}
        assert max(hosts.batches) > 100
        assert len(hosts.plans) == 1
        await hosts.until(lambda: len(hosts.settled_keys) == 600)
    assert hosts.is_retired


async def test_no_more_run_at_once_than_there_are_service_slots(lab: Lab) -> None:
    async with worker(lab, services=3) as (hosts, _):
        ids = await enqueue(lab, *['[["quick"],{}]'] * 200)
        await lab.ended(*ids)

    assert hosts.most_at_once == 3


async def test_what_a_call_said_is_there_when_its_end_is_told(lab: Lab) -> None:
    async with worker(lab) as (hosts, _):
        first, second = await enqueue(lab, '[["say","hello\\n"],{}]', '[["stay"],{}]')
        await lab.ended(first)
        await hosts.until(lambda: len(hosts.calls) == 1)
        hosts.say(f"{second}.1", "one\n")
        hosts.say(f"{second}.1", "two\n", offset=4)
        await lab.printed(second, "two")
        hosts.end([f"{second}.1"], Outcome.FAILED)
        await lab.ended(second)

        assert await lab.output(first) == "hello\n"
        assert await lab.output(second) == "one\ntwo\n"


async def test_an_end_waits_for_the_output(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, may_go, append_many = anyio.Event(), anyio.Event(), Logs.append_many

    async def slowly(logs: Logs, parts: Sequence[tuple[Any, Any]]) -> list[AppendCode]:
        asked.set()
        await may_go.wait()
        return await append_many(logs, parts)

    monkeypatch.setattr(Logs, "append_many", slowly)
    async with worker(lab):
        (task_id,) = await enqueue(lab, '[["say","hello\\n"],{}]')
        await asked.wait()
        await lab.reached_beat("w1")
        before = await lab.record(task_id)
        may_go.set()
        await lab.ended(task_id)

    assert before.state == "running"
    assert await lab.output(task_id) == "hello\n"


async def test_the_result_of_a_call_is_kept(lab: Lab) -> None:
    async with worker(lab) as (hosts, _):
        task_id, nothing = await enqueue(lab, '[["stay"],{}]', '[["quick"],{}]')
        await hosts.until(lambda: bool(hosts.calls))
        hosts.end([f"{task_id}.1"], result=b'{"x":1}')
        await lab.ended(task_id, nothing)

    redis, prefix = lab.namespace.redis, lab.namespace.prefix
    assert await redis.get(keys.result(prefix, task_id)) == b'{"x":1}'
    assert not await redis.exists(keys.result(prefix, nothing))


async def test_a_call_that_nobody_trusted_signed_is_quarantined_alone(
    lab: Lab, tmp_path: Path
) -> None:
    stranger = KeyPair.load_or_create(tmp_path / "strange", "eve@lab")
    async with worker(lab) as (hosts, _):
        (bad,) = await enqueue(lab, '[["quick"],{}]', pair=stranger)
        (good,) = await enqueue(lab, '[["quick"],{}]')
        one, other = await lab.ended(bad, good)

        assert (one.state, other.state) == ("errored", "succeeded")
        assert "quarantined: key" in one.reason
        assert "quarantined: key" in await lab.output(bad, "sys")
        assert list(hosts.settled_keys)


async def test_an_altered_call_is_quarantined(lab: Lab) -> None:
    redis, prefix = lab.namespace.redis, lab.namespace.prefix
    task_id, other = await enqueue(lab, '[["quick"],{}]', '[["quick", 2],{}]')
    await redis.copy(keys.arguments(prefix, other), keys.arguments(prefix, task_id), replace=True)
    async with worker(lab):
        (record,) = await lab.ended(task_id)

    assert (record.state, record.reason[:11]) == ("errored", "quarantined")


async def test_a_cancelled_call_is_cancelled_in_its_host(lab: Lab) -> None:
    async with worker(lab) as (hosts, _):
        (task_id,) = await enqueue(lab, '[["stay"],{}]')
        await hosts.until(lambda: bool(hosts.calls))
        await lab.cancel(task_id)
        (record,) = await lab.ended(task_id)

    assert record.state == "cancelled"
    assert hosts.stops[0] == (f"{task_id}.1", StopCause.CANCELLED, 0.0)


async def test_a_call_whose_lease_was_lost_is_stopped_and_nothing_is_told(lab: Lab) -> None:
    async with worker(lab) as (hosts, _):
        (task_id,) = await enqueue(lab, '[["stay"],{}]', queue="default")
        await hosts.until(lambda: bool(hosts.calls))
        await lab.namespace.redis.hset(
            keys.task(lab.namespace.prefix, task_id), mapping={"fence": 2, "worker": "other"}
        )
        await hosts.until(lambda: bool(hosts.settled_keys))
        record = await lab.record(task_id)
        await lab.namespace.redis.hset(
            keys.task(lab.namespace.prefix, task_id), mapping={"fence": 1, "worker": "w1"}
        )
        await lab.lease_runs_out(task_id)
        await hosts.until(lambda: bool(hosts.calls))
        await lab.cancel(task_id)
        await lab.ended(task_id)

    assert record.state == "running"
    assert hosts.stops[0] == (f"{task_id}.1", StopCause.LOST, 0.0)


async def test_a_worker_that_drains_lets_calls_end_and_hands_services_over(lab: Lab) -> None:
    async with worker(lab) as (hosts, signals):
        (call,) = await enqueue(lab, '[["stay"],{}]')
        (service,) = await enqueue(lab, '[["stay"],{}]', restart="always")
        await hosts.until(lambda: len(hosts.calls) == 2)
        signals.drain("the test says so")
        await lab.reached(service, "release")
        still = list(hosts.calls)
        hosts.end(still)

    assert still == [f"{call}.1"]
    assert (await lab.record(service)).state == "queued"
    assert (await lab.record(call)).state == "succeeded"
    await lab.cancel(service)


async def test_a_worker_that_drains_hands_over_a_service_that_is_a_program(lab: Lab) -> None:
    text = "import time\nprint('up', flush=True)\ntime.sleep(600)"
    async with worker(lab) as (_, signals):
        service = await lab.submit(text, light=True, restart="always")
        await lab.reached(service, "phase", phase="running")
        signals.drain("the test says so")
        await lab.reached(service, "release")

    assert (await lab.record(service)).state == "queued"
    await lab.cancel(service)


async def test_a_service_of_an_earlier_session_is_handed_over_at_a_drain(lab: Lab) -> None:
    async with worker(lab) as (hosts, signals):
        (call,) = await enqueue(lab, '[["stay"],{}]')
        (service,) = await enqueue(lab, '[["stay"],{}]', restart="on-failure")
        await hosts.until(lambda: len(hosts.calls) == 2)
        signals.restart("the test says so")

    def prepared(following: FakeHosts) -> None:
        following.calls.update(hosts.calls)
        following.left += [
            Running(key=each.key, note=each.note, started_at=0.0) for each in hosts.calls.values()
        ]

    async with worker_of(lab, prepared) as following:
        await Draining(lab.namespace).drain("w1")
        await lab.reached(service, "release")
        still = list(following.calls)
        following.end(still)

    assert still == [f"{call}.1"]
    assert following.stops[0][:2] == (f"{service}.1", StopCause.RELEASED)
    assert (await lab.record(service)).state == "queued"
    assert (await lab.record(call)).state == "succeeded"
    await lab.cancel(service)


async def test_a_service_that_ends_is_started_again(lab: Lab) -> None:
    async with worker(lab) as (hosts, _):
        (task_id,) = await enqueue(lab, '[["stay"],{}]', restart="always")
        await hosts.until(lambda: bool(hosts.calls))
        hosts.end(list(hosts.calls))
        await lab.reached(task_id, "retry")
        record = await lab.record(task_id)
        await lab.cancel(task_id)

    assert (record.state, record.attempt) == ("delayed", 2)


async def test_a_worker_that_starts_anew_leaves_its_calls_to_the_next_session(lab: Lab) -> None:
    async with worker(lab) as (hosts, signals):
        (task_id,) = await enqueue(lab, '[["stay"],{}]')
        await hosts.until(lambda: bool(hosts.calls))
        signals.restart("the test says so")
    (call,) = hosts.calls.values()
    assert (hosts.is_let_go, hosts.is_retired, hosts.stops) == (True, False, [])

    def prepared(following: FakeHosts) -> None:
        following.left.append(Running(key=call.key, note=call.note, started_at=0.0))
        following.calls[call.key] = call

    async with worker_of(lab, prepared) as following:
        await lab.cancel(task_id)
        (record,) = await lab.ended(task_id)

    assert following.stops == [(call.key, StopCause.CANCELLED, 0.0)]
    assert (record.state, record.fence, record.lost) == ("cancelled", 1, 0)
    assert following.settled_keys == [call.key]


async def test_a_call_that_waits_for_its_host_goes_back_when_a_worker_starts_anew(
    lab: Lab,
) -> None:
    def prepared(hosts: FakeHosts) -> None:
        hosts.are_made = False

    async with worker(lab, prepared=prepared) as (hosts, signals):
        (task_id,) = await enqueue(lab, '[["stay"],{}]')
        await hosts.until(lambda: bool(hosts.calls))
        signals.restart("the test says so")

    record = await lab.record(task_id)
    assert (record.state, record.lost) == ("queued", 0)
    assert [cause for _, cause, _ in hosts.stops] == [StopCause.RELEASED]


@asynccontextmanager
async def worker_of(lab: Lab, prepared: Callable[[FakeHosts], None]) -> AsyncIterator[FakeHosts]:
    """Run the next session of a worker, which is busy from its first beat on."""
    made: list[FakeHosts] = []
    signals, is_ready = Signals(), anyio.Event()

    def make(*args: Any) -> FakeHosts:
        made.append(FakeHosts(*args))
        prepared(made[0])
        return made[0]

    async with anyio.create_task_group() as tg:
        work = partial(lab.work, signals=signals, make_hosts=make, services=100, slots=0)
        tg.start_soon(partial(work, ready=is_ready.set))
        await is_ready.wait()  # what is told about the session before would be taken back
        await lab.worker_is("w1", "busy")
        yield made[0]
        signals.drain("the test is over")


async def test_an_end_that_an_earlier_session_did_not_tell_is_told(lab: Lab) -> None:
    async with worker(lab) as (hosts, signals):
        (task_id,) = await enqueue(lab, '[["stay"],{}]')
        await hosts.until(lambda: bool(hosts.calls))
        signals.restart("the test says so")
    (call,) = hosts.calls.values()

    def prepared(following: FakeHosts) -> None:
        end = Ended(key=call.key, outcome=Outcome.FAILED, exit_code=3, note=call.note)
        following.left_ends.append(end)

    async with worker(lab, prepared=prepared) as (following, _):
        (record,) = await lab.ended(task_id)

    assert (record.state, record.exit_code) == ("failed", 3)
    assert following.settled_keys == [call.key]


async def test_a_call_that_waits_for_a_place_too_long_goes_back(lab: Lab) -> None:
    async with worker(lab, services=1) as (hosts, _):
        await lab.ended(*await enqueue(lab, *['[["quick"],{}]'] * 50))
        stay, *others = await enqueue(lab, '[["stay"],{}]', *['[["stay"],{}]'] * 5)
        await hosts.until(lambda: bool(hosts.calls))
        while {(await lab.record(i)).state for i in others} != {"queued"}:
            await lab.reached_beat("w1")
        first = next(iter(hosts.calls))
        hosts.end([first])
        await lab.ended(TaskId(first.rpartition(".")[0]))
        for task_id in (stay, *others):
            await lab.cancel(task_id)

    assert hosts.most_at_once == 1


async def test_light_tasks_wait_where_there_is_no_service_slot(lab: Lab) -> None:
    (task_id,) = await enqueue(lab, '[["quick"],{}]')

    await lab.work(slots=1, once=True)

    assert (await lab.record(task_id)).state == "queued"
    await lab.cancel(task_id)


async def test_an_ordinary_program_takes_a_service_slot(lab: Lab) -> None:
    task_id = await lab.submit("print('program')", light=True)
    other = await lab.submit("print('ordinary')")

    async with worker(lab, services_shared=True) as (hosts, _):
        records = await lab.ended(task_id, other)

    assert [record.state for record in records] == ["succeeded"] * 2
    assert await lab.output(task_id) == "program\n"
    assert not hosts.batches


async def test_a_call_sees_what_was_signed(lab: Lab) -> None:
    async with worker(lab) as (hosts, _):
        (task_id,) = await enqueue(lab, '[["stay",1],{"n":2}]', timeout_s=9.0, grace_s=4.0)
        await hosts.until(lambda: bool(hosts.calls))
        call = hosts.calls[f"{task_id}.1"]
        (plan,) = hosts.plans.values()
        hosts.end([call.key])

    assert msgspec.json.decode(call.arguments) == [["stay", 1], {"n": 2}]
    assert (call.target, call.timeout_s, call.grace_s) == ("./script.py:main", 9.0, 4.0)
    assert (plan.kind, plan.most, plan.variables["CUDA_VISIBLE_DEVICES"]) == ("coroutine", 100, "")


async def test_a_task_that_must_not_outlive_its_lease_is_stopped_when_it_can_t_be_renewed(
    lab: Lab,
) -> None:
    async with worker(lab, lease_ms=3_000, beat_ms=600_000) as (hosts, _):
        (task_id,) = await enqueue(lab, '[["stay"],{}]', exclusive="kill")
        await hosts.until(lambda: bool(hosts.settled_keys))
        record = await lab.record(task_id)
        await lab.cancel(task_id)

    assert hosts.stops[0] == (f"{task_id}.1", StopCause.LOST, 0.0)
    assert record.lost == 1


async def test_a_trust_file_that_can_t_be_used_ends_the_worker_and_no_task(lab: Lab) -> None:
    async with worker(lab) as (hosts, signals):
        lab.home.config.joinpath("trust.json").write_text("{")
        (task_id,) = await enqueue(lab, '[["quick"],{}]')
        await lab.reached(task_id, "release")
    record = await lab.record(task_id)
    await lab.cancel(task_id)

    assert (record.state, record.lost, hosts.batches) == ("queued", 0, [])
    assert "trust.json" in signals.draining


async def test_what_a_host_waits_for_is_told(lab: Lab) -> None:
    async with worker(lab) as (hosts, _):
        (task_id,) = await enqueue(lab, '[["stay"],{}]')
        await hosts.until(lambda: bool(hosts.calls))
        hosts.listener.entered([f"{task_id}.1"], Phase.ENVIRONMENT)
        await lab.reached(task_id, "phase", phase="environment")
        hosts.end(list(hosts.calls))


async def test_all_is_given_back_when_a_worker_is_asked_to_leave_at_once(lab: Lab) -> None:
    async with worker(lab) as (hosts, signals):
        ids = await enqueue(lab, *['[["stay"],{}]'] * 20)
        await hosts.until(lambda: len(hosts.calls) == 20)
        await Draining(lab.namespace, who="ada").stop("w1")
        for task_id in ids:
            await lab.reached(task_id, "release")
    states = {(await lab.record(task_id)).state for task_id in ids}
    for task_id in ids:
        await lab.cancel(task_id)

    assert states == {"queued"}
    assert hosts.is_retired
    assert "ada" in signals.draining


async def test_who_is_let_in_while_a_worker_runs_need_not_wait(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Keyrings, "hint", lambda self: None)  # nor for a hint
    olga = KeyPair.load_or_create(tmp_path / "olga", "olga@server")
    bob = KeyPair.load_or_create(tmp_path / "bob", "bob@laptop")
    owner = Owner(lab.namespace, olga, TrustFile(tmp_path / "olga" / "trust.json"))
    trust = TrustFile(lab.home.config / "trust.json")
    trust.add_keeper(olga.public, olga.name, lab.namespace.name)
    async with worker(lab):
        await owner.add(trusted_key(bob.public, bob.name, ("*",)))
        ids = await enqueue(lab, *['[["quick"],{}]'] * 30, pair=bob)
        records = await lab.ended(*ids)

    assert {record.state for record in records} == {"succeeded"}
