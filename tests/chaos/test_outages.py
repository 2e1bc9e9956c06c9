"""Redis away, older, empty, full, read-only or closed to a worker with real programs: none is
killed, none runs twice, no output is lost."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import anyio.lowlevel
import pytest
from redis import Redis

from rq_agent.broker.errors import BrokerRefused
from rq_agent.broker.record import Record

from ..integration.worker.lab import Lab, open_lab
from ..integration.worker.outside import worker_process
from ..leak_check import check_no_leaks
from . import figures
from .proxy import Proxy
from .servers import Server
from .sizes import long_only, pick
from .talkers import Talkers, ended_at_s

NAME: Final = "outages"
LEASE_MS: Final = 3_000
"""A lease of 60 s and an outage of ten minutes, scaled by 1:20."""
OUTAGE_S: Final = pick(short=3.5, long=30.0)
TASKS: Final = pick(short=2, long=30)
FEW: Final = pick(short=2, long=12)
RESUMES_S: Final = 15.0
LINES_A_MINUTE: Final = 12
"""At most so many lines about an outage in the log of a worker, at its begin; later two."""

Closing = Callable[[Server], None]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where workers and submitters live."""
    (tmp_path / "home").mkdir()
    return tmp_path


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(port=True) as server:
        yield server


@asynccontextmanager
async def heard_worker(lab: Lab, *, slots: int) -> AsyncIterator[list[str]]:
    """Run a worker; what it says comes into the list, a line each."""
    said: list[str] = []

    async def listen(stream: anyio.abc.ByteReceiveStream) -> None:
        text = ""
        async for part in stream:
            *lines, text = (text + part.decode()).split("\n")
            said.extend(lines)

    async with (
        worker_process(lab, is_heard=True, slots=slots, lease_ms=LEASE_MS) as process,
        anyio.create_task_group() as tg,
    ):
        assert process.stderr is not None
        tg.start_soon(listen, process.stderr)
        try:
            yield said
        finally:
            tg.cancel_scope.cancel()


async def says(said: list[str], words: str, *, since: int = 0) -> float:
    """Return when a worker says something; monotonic seconds."""
    with anyio.fail_after(60):
        while not any(words in line for line in said[since:]):
            await anyio.lowlevel.checkpoint()
    return time.monotonic()


def check_untouched(records: list[Record]) -> None:
    """Nothing was killed, taken for lost, or run twice."""
    ends = [(r.state, r.exit_code, r.fence, r.attempt, r.lost) for r in records]
    codes = [number % 3 for number in range(len(records))]
    assert ends == [("failed" if c else "succeeded", c, 1, 1, 0) for c in codes]


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
            await anyio.lowlevel.checkpoint()
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


def forget_the_password(server: Server) -> None:
    """Let nobody in any more who comes with the URL of before, and turn everybody out."""
    with server.client() as owner:
        owner.config_set("requirepass", "another")
        owner.client_kill_filter(_type="normal", skipme=True)


def remember_the_password(server: Server) -> None:
    """Let them in again."""
    with Redis(unix_socket_path=str(server.socket), password="another") as owner:
        owner.config_set("requirepass", "")


def lose_the_disk(server: Server) -> None:
    """Let it fail to save, so that it takes no writes."""
    with server.client() as owner:
        owner.config_set("save", "3600 1")
        server.snapshot.mkdir()  # a file can't be put in its place
        owner.bgsave()
        while owner.info("persistence")["rdb_last_bgsave_status"] == "ok":
            pass


def find_the_disk(server: Server) -> None:
    """Let it save again."""
    with server.client() as owner:
        server.snapshot.rmdir()
        owner.bgsave()
        while owner.info("persistence")["rdb_last_bgsave_status"] != "ok":
            pass


def hang(server: Server) -> None:
    """Stop answering."""
    server.hang()


def go_on(server: Server) -> None:
    """Answer again."""
    server.go_on()


@pytest.mark.parametrize(
    ("what", "close", "reopen", "words"),
    [
        ("password withdrawn", forget_the_password, remember_the_password, "password"),
        pytest.param(
            *("disk of the server full", lose_the_disk, find_the_disk, "can't write to its disk"),
            marks=long_only,  # it is waited for as a password is
        ),
        # An answer is waited for ten seconds.
        pytest.param("hung server", hang, go_on, "no answer in time", marks=long_only),
    ],
    ids=["password withdrawn", "disk of the server full", "hung server"],
)
async def test_a_server_that_takes_nothing_for_a_while(
    server: Server, home: Path, what: str, close: Closing, reopen: Closing, words: str
) -> None:
    lives_s = [1.0 + 4.0 * number / FEW for number in range(FEW)]
    async with open_lab(server.url, NAME, home) as lab, heard_worker(lab, slots=FEW) as said:
        talkers = Talkers(lab)
        await talkers.start(lab, lives_s)
        close(server)
        await says(said, words)
        reopen(server)
        since_s = time.monotonic()
        resumed_s = await says(said, "redis is back") - since_s
        async with open_lab(server.url, NAME, home) as lab:
            records, lost_bytes = await talkers.verdict(lab)
            await check_no_leaks(lab.namespace)

        check_untouched(records)
        assert lost_bytes == 0
        assert resumed_s < RESUMES_S
    figures.note(what, tasks=FEW, killed=0, rerun=0, lost_output_bytes=0, resumed_s=resumed_s)
