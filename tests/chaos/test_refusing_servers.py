"""A server that answers nothing, or says no, to a worker with real programs, and then takes it back."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from ..integration.worker.lab import open_lab
from ..leak_check import check_no_leaks
from . import figures
from .outage_rig import FEW, NAME, RESUMES_S, check_untouched, heard_worker, says
from .servers import Server
from .sizes import long_only
from .talkers import Talkers

Closing = Callable[[Server], None]


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
