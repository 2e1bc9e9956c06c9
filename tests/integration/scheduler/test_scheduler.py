"""`rq-agent scheduler`: any number of processes, through kills and outages."""

import logging
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from rq_agent.broker import keys
from rq_agent.broker.archive.folder import FolderStore
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import ArchiveUnavailable, BrokerUnavailable
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.purging import Purging
from rq_agent.broker.trust import TrustFile
from rq_agent.scheduler.config import SchedulerConfig
from rq_agent.scheduler.run import NO_ARCHIVE, schedule
from tests.looking import look_again

from ...scripts import steps
from ...scripts.retiring import ended, keys_of, make_due
from ..worker.persistent import PersistentServer
from .archives import DEADLINE_S, a_file, kept, scheduler_process, segments

log = logging.getLogger(__name__)


async def due(ns: Namespace, count: int = 1) -> list[TaskId]:
    ids = [(await ended(ns)).task_id for _ in range(count)]
    await make_due(ns, *ids)
    return ids


async def gone(ns: Namespace, *ids: TaskId) -> None:
    """Return when tasks have left Redis."""
    with anyio.fail_after(DEADLINE_S):
        for task_id in ids:
            while await steps.fields(ns, task_id):
                await look_again()


def config(folder: Path, **fields: float) -> SchedulerConfig:
    quick = {"write_every_s": 0.05, "purge_every_s": 0.05} | fields
    return SchedulerConfig(archive=str(folder), **quick)  # type: ignore[arg-type]


async def test_tasks_go_through_the_archive_out_of_redis(
    ns: Namespace, url: str, folder: Path
) -> None:
    ids = await due(ns, 3)

    async with anyio.create_task_group() as tg:
        tg.start_soon(_schedule, config(folder), url, ns.name, folder)
        await gone(ns, *ids)
        tg.cancel_scope.cancel()

    assert kept(ns, folder) == ids
    for task_id in ids:
        assert await keys_of(ns, task_id) == set()


async def test_schedulers_beside_each_other_lose_nothing(
    ns: Namespace, url: str, folder: Path
) -> None:
    ids = await due(ns, 40)

    async with anyio.create_task_group() as tg:
        for _ in range(3):
            tg.start_soon(_schedule, config(folder), url, ns.name, folder)
        await gone(ns, *ids)
        tg.cancel_scope.cancel()

    assert kept(ns, folder) == ids


async def test_delayed_tasks_become_ready_without_any_worker(
    ns: Namespace, url: str, folder: Path
) -> None:
    [task_id] = await steps.add(ns, delay_ms=200)

    async with anyio.create_task_group() as tg:
        tg.start_soon(_schedule, config(folder), url, ns.name, folder)
        with anyio.fail_after(DEADLINE_S):
            while await steps.state(ns, task_id) != "queued":
                await look_again()
        tg.cancel_scope.cancel()


async def test_without_an_archive_nothing_is_purged_and_that_is_said_once(
    ns: Namespace, url: str, folder: Path
) -> None:
    [task_id] = await due(ns)
    [delayed] = await steps.add(ns, delay_ms=100)
    said: list[str] = []

    async with anyio.create_task_group() as tg:
        tg.start_soon(_schedule, SchedulerConfig(archive=""), url, ns.name, folder, said.append)
        with anyio.fail_after(DEADLINE_S):
            while await steps.state(ns, delayed) != "queued":  # the loops do run
                await look_again()
        tg.cancel_scope.cancel()

    assert said.count(NO_ARCHIVE) == 1
    assert (await steps.fields(ns, task_id))["state"] == "succeeded"


async def test_an_archive_that_takes_nothing_is_told_and_waited_for(
    ns: Namespace, url: str, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    ids = await due(ns)
    a_file(folder)

    async with anyio.create_task_group() as tg:
        tg.start_soon(_schedule, config(folder), url, ns.name, folder)
        with anyio.fail_after(DEADLINE_S):
            while "a part of its path is not a folder" not in caplog.text:
                await look_again()
        assert await steps.fields(ns, ids[0])
        await anyio.Path(folder).unlink()
        await make_due(ns, *ids)
        await gone(ns, *ids)
        tg.cancel_scope.cancel()

    assert caplog.text.count("a part of its path is not a folder") == 1  # not at each try
    assert caplog.text.count("archiver: goes on") == 1


async def test_a_redis_that_goes_away_is_waited_for(
    mortal: PersistentServer, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with connect(mortal.url) as redis:
        ns = await Namespace.open(redis, "outage")
        ids = await due(ns)
        async with anyio.create_task_group() as tg:
            tg.start_soon(_schedule, config(folder), mortal.url, ns.name, folder)
            await gone(ns, *ids)
            runs_on = await steps.running(ns)  # a server that restarted lets nobody claim at once
            await anyio.to_thread.run_sync(mortal.kill)
            with anyio.fail_after(DEADLINE_S):
                while "purge: cannot reach redis" not in caplog.text:
                    await look_again()
            await anyio.to_thread.run_sync(mortal.start)
            await steps.finish(ns, runs_on, "succeeded")
            await make_due(ns, runs_on.task_id)
            await gone(ns, runs_on.task_id)
            tg.cancel_scope.cancel()

        assert kept(ns, folder) == [*ids, runs_on.task_id]


async def test_without_redis_at_the_start_it_says_so(folder: Path) -> None:
    with pytest.raises(BrokerUnavailable, match="cannot reach redis"):
        await _schedule(config(folder), "unix:///nowhere/s", "t", folder)


async def test_a_process_stops_cleanly_on_sigterm(
    ns: Namespace, url: str, folder: Path, tmp_path: Path
) -> None:
    ids = await due(ns, 2)

    with scheduler_process(url, ns.name, folder, tmp_path / "home") as process:
        await gone(ns, *ids)
        code, said = await anyio.to_thread.run_sync(_stop, process)

    assert (code, b"Traceback" in said) == (0, False), said
    assert b"scheduler: stopped" in said
    assert kept(ns, folder) == ids


async def test_a_killed_process_loses_nothing_at_any_moment(
    ns: Namespace, url: str, folder: Path, tmp_path: Path
) -> None:
    ids = await due(ns, 60)
    await ns.redis.zadd(keys.unarchived(ns.prefix), dict.fromkeys(ids[30:], 4e12))

    with scheduler_process(url, ns.name, folder, tmp_path / "home") as process:
        with anyio.fail_after(DEADLINE_S):
            while not segments(folder):  # between the segment and the purge, or in the middle of it
                await anyio.lowlevel.checkpoint()
        process.kill()
    await make_due(ns, *ids)
    async with anyio.create_task_group() as tg:
        tg.start_soon(_schedule, config(folder), url, ns.name, folder)
        await gone(ns, *ids)
        tg.cancel_scope.cancel()

    assert kept(ns, folder) == ids


async def test_what_can_not_be_archived_is_never_purged(
    ns: Namespace, folder: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    ids = await due(ns, 3)

    def full(self: FolderStore, path: str, content: bytes) -> None:
        raise ArchiveUnavailable("archive x: its disk is full")

    monkeypatch.setattr(FolderStore, "put", full)
    async with anyio.create_task_group() as tg:
        tg.start_soon(_schedule, config(folder), url, ns.name, folder)
        with anyio.fail_after(DEADLINE_S):  # until a purge looked at each
            while await ns.redis.zcount(keys.done(ns.prefix), 0, 1_000_000):
                await look_again()
        tg.cancel_scope.cancel()

    for task_id in ids:
        assert (await steps.fields(ns, task_id))["state"] == "succeeded"
    assert (await Purging(ns).purge()).purged == 0


async def _schedule(
    settings: SchedulerConfig,
    url: str,
    namespace: str,
    folder: Path,
    warn: Callable[[str], None] = log.warning,
) -> None:
    await schedule(
        settings,
        url=url,
        namespace=namespace,
        pair=KeyPair.load_or_create(folder.parent / "keys", "scheduler"),
        trust=TrustFile(folder.parent / "trust.json"),
        warn=warn,
    )


def _stop(process: "subprocess.Popen[bytes]") -> tuple[int, bytes]:
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=DEADLINE_S)
    return process.returncode, said
