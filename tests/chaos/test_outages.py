"""Redis away, older, full, or replaced by its replica under a worker with real programs: none is
killed, none runs twice, no output is lost."""

import time
from pathlib import Path
from typing import Final

import anyio
import pytest

from rq_agent.broker.errors import BrokerRefused
from tests.looking import look_again

from ..integration.worker.lab import open_lab
from ..leak_check import check_no_leaks
from . import figures
from .outage_rig import FEW, LEASE_MS, NAME, RESUMES_S, check_untouched, heard_worker, says
from .proxy import Proxy
from .servers import Server
from .sizes import long_only, pick
from .talkers import Talkers, ended, ended_at_s

OUTAGE_S: Final = pick(short=3.5, long=30.0)
TASKS: Final = pick(short=2, long=30)
LINES_A_MINUTE: Final = 12
"""At most so many lines about an outage in the log of a worker, at its begin; later two."""


async def test_ten_minutes_away(server: Server, home: Path) -> None:
    lives_s = [OUTAGE_S * (0.1 + 1.2 * number / TASKS) for number in range(TASKS)]
    async with open_lab(server.url, NAME, home) as lab, heard_worker(lab, slots=TASKS) as said:
        talkers = Talkers(lab)
        await talkers.start(lab, lives_s)
        server.kill()
        gone_s = time.time()
        await anyio.sleep(OUTAGE_S)  # it is what is tested
        server.start()
        back_s = time.time()
        async with open_lab(server.url, NAME, home) as lab:
            records, lost_bytes = await talkers.verdict(lab)
            await check_no_leaks(lab.namespace)
        about = [line for line in said if "away for" in line or "is back after" in line]

        check_untouched(records)
        assert lost_bytes == 0
        assert len([line for line in about if "is back after" in line]) == 1
        assert len(about) <= 2 + LINES_A_MINUTE
        ends_s = {r.id: ended_at_s(lab.run_folder(r.id)) for r in records}
        during = [r for r in records if gone_s < ends_s[r.id] < back_s]
        assert during
        delivered_s = max((r.finished_at or 0.0) - back_s for r in during)
        assert delivered_s < RESUMES_S
    figures.note(
        "ten-minute outage, scaled",
        tasks=TASKS,
        outage_s=OUTAGE_S,
        lease_s=LEASE_MS / 1000,
        ended_meanwhile=len(during),
        killed=0,
        rerun=0,
        lost_output_bytes=lost_bytes,
        delivered_s=delivered_s,
        log_lines=len(about),
    )


@long_only  # short: tests/integration/worker/test_outage.py, with roll-backs
async def test_a_file_cut_by_a_second(server: Server, home: Path) -> None:
    lives_s = [1.0 + 5.0 * number / FEW for number in range(FEW)]
    async with open_lab(server.url, NAME, home) as lab, heard_worker(lab, slots=FEW):
        talkers = Talkers(lab)
        await talkers.start(lab, lives_s)
        await anyio.sleep(1.5)  # so that only output and ends lie in the last second
        server.kill()
        taken = server.cut(1.0)
        server.start()
        async with open_lab(server.url, NAME, home) as lab:
            records, lost_bytes = await talkers.verdict(lab)
            await check_no_leaks(lab.namespace)

        check_untouched(records)
        assert lost_bytes == 0
    figures.note(
        "file cut by a second, real programs",
        tasks=FEW,
        lost_bytes_of_the_file=taken.lost_bytes,
        killed=0,
        rerun=0,
        lost_output_bytes=lost_bytes,
    )


@long_only  # a replica takes seconds to be in step
@pytest.mark.parametrize("dies", [True, False], ids=["primary dies", "primary is demoted"])
async def test_a_promoted_replica(server: Server, home: Path, *, dies: bool) -> None:
    """The worker knows one address, which leads to the new primary afterwards."""
    lives_s = [1.0 + 6.0 * number / FEW for number in range(FEW)]
    replica = server.replica()
    with replica, Proxy(server.port) as proxy:
        while not replica.is_in_step():
            await look_again()
        async with open_lab(proxy.url, NAME, home) as lab, heard_worker(lab, slots=FEW) as said:
            talkers = Talkers(lab)
            await talkers.start(lab, lives_s)
            with server.client() as owner:
                if dies:
                    server.kill()
                else:
                    owner.replicaof("127.0.0.1", str(replica.port))
                    await says(said, "is a read-only replica")
            replica.promote()
            if dies:
                proxy.switch(replica.port)
            else:  # no connection is cut: the worker has to leave the old primary by itself
                proxy.upstream = replica.port
            since_s = time.monotonic()
            resumed_s = await says(said, "redis is back") - since_s
            async with open_lab(proxy.url, NAME, home) as lab:
                records, lost_bytes = await talkers.verdict(lab)
                await check_no_leaks(lab.namespace)

            check_untouched(records)
            assert lost_bytes == 0
            assert resumed_s < RESUMES_S
    figures.note(
        f"promoted replica, {'dead' if dies else 'demoted'} primary",
        tasks=FEW,
        killed=0,
        rerun=0,
        lost_output_bytes=lost_bytes,
        resumed_s=resumed_s,
    )


@long_only  # short: test_server.py, with light workers
async def test_out_of_memory(server: Server, home: Path) -> None:
    """It drains: ends are taken, new tasks and output are not; what waits comes later."""
    lives_s = [1.0 if number % 2 else 6.0 for number in range(FEW)]
    async with open_lab(server.url, NAME, home) as lab, heard_worker(lab, slots=FEW) as said:
        talkers = Talkers(lab)
        await talkers.start(lab, lives_s)
        server.limit(1)
        with pytest.raises(BrokerRefused, match="out of memory and takes nothing new"):
            await lab.submit("print('refused')")
        server.limit(0)
        records, lost_bytes = await talkers.verdict(lab)

        check_untouched(records)
        assert lost_bytes == 0
        assert not any("away for" in line for line in said)
    figures.note("out of memory, real programs", tasks=FEW, killed=0, lost_output_bytes=0)


@long_only  # builds a package
async def test_a_task_that_is_prepared_meanwhile(server: Server, home: Path) -> None:
    build, go_on_now = home / "builds", home / "go"
    async with open_lab(server.url, NAME, home) as lab, heard_worker(lab, slots=1) as said:
        project = lab.script(
            f"""
            import pathlib, time
            pathlib.Path({str(build)!r}).touch()
            while not pathlib.Path({str(go_on_now)!r}).exists():
                time.sleep(0.02)
            from setuptools import setup
            setup(name="slow")
            """,
            "setup.py",
        ).parent
        task_id = await lab.submit("print('built')", packages=(f"slow @ {project.as_uri()}",))
        with anyio.fail_after(60):
            while not build.exists():
                await look_again()
        server.kill()
        await says(said, "running tasks go on")
        go_on_now.touch()
        server.start()
        async with open_lab(server.url, NAME, home) as lab:
            [record] = await ended(lab, [task_id])
            output = await lab.output(task_id)

    assert (record.state, record.fence, record.attempt, record.lost) == ("succeeded", 1, 1, 0)
    assert output == "built\n"
    figures.note("outage while a task is prepared", tasks=1, killed=0, rerun=0)
