"""The connection to a host."""

import errno
import os
import socket
import tempfile
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from rq_agent.worker.services.channel import Channel

LINE = b"x" * 3_000_000 + b"\n"


def read(end: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        found += end.recv(1 << 20)
    return found


async def test_what_a_host_can_t_take_yet_comes_later_and_in_order() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs:
        async with anyio.create_task_group() as group:
            channel = Channel(ours, group)
            channel.send(LINE)  # nobody reads: more than any buffer takes
            channel.send(b"second\n")
            with anyio.fail_after(10):
                found = await anyio.to_thread.run_sync(read, theirs, len(LINE) + 7)
            channel.send(b"third\n")
            assert theirs.recv(100) == b"third\n"
            channel.close()

    assert found == LINE + b"second\n"


async def test_a_ring_is_heard_and_so_is_the_end() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    async with anyio.create_task_group() as group:
        channel = Channel(ours, group)
        theirs.send(b"!!")
        with anyio.fail_after(10):
            assert await channel.rung()
            theirs.close()
            assert not await channel.rung()
        channel.send(b"into the void\n")
        channel.close()
        channel.close()
        assert not await channel.rung()


async def test_a_connection_that_breaks_leaves_the_next_file_of_its_number_alone() -> None:
    """Who stops waiting for a descriptor takes its number out of the event loop."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    heard = anyio.Event()

    async def wait_for_another() -> None:
        reading, writing = os.pipe()
        os.write(writing, b"x")
        await anyio.wait_readable(reading)
        heard.set()
        os.close(reading)
        os.close(writing)

    async with anyio.create_task_group() as group:
        channel = Channel(ours, group)
        group.start_soon(channel.rung)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(wait_for_another)
        theirs.close()
        channel.send(b"into the void\n")
        with anyio.fail_after(10):
            await heard.wait()

    assert ours.fileno() == -1


async def test_whoever_waits_for_a_ring_learns_that_it_was_closed_here() -> None:
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    with theirs, anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            channel = Channel(ours, group)
            group.start_soon(channel.rung)
            await anyio.wait_all_tasks_blocked()
            channel.close()


async def test_the_path_of_a_folder_may_be_longer_than_an_address() -> None:
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as listener:
        folder = Path(short) / ("x" * 120)
        folder.mkdir()
        bound = Path(short) / "socket"
        listener.bind(str(bound))
        bound.rename(folder / "socket")
        async with anyio.create_task_group() as group:
            assert Channel.open(folder, group) is None  # nobody listens yet
            listener.listen()
            channel = await Channel.connected(folder, group, patience_s=5.0)

            assert channel is not None
            channel.close()
        assert Channel.open(folder / "missing", group) is None


async def test_who_never_listens_is_given_up(tmp_path: Path) -> None:
    async with anyio.create_task_group() as group:
        assert await Channel.connected(tmp_path, group, patience_s=0.05) is None


async def test_where_too_many_files_are_open_a_host_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "Too many open files")

    async with anyio.create_task_group() as group:
        monkeypatch.setattr(socket, "socket", refuse)

        assert Channel.open(tmp_path, group) is None
