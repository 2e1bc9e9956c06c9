"""Users' code may put a pipe where the worker looks for a file: nothing waits for it."""

import os
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from rq_agent.worker.process import deadline, foreign_file, shim, spec, wait
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.services import host_folder
from rq_agent.worker.services.stuck import where_it_stands


async def test_pipes_in_the_folder_of_a_host_hold_up_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "7.ab"
    folder.mkdir()
    for name in ("host.json", "stuck", "err", shim.SPEC_NAME, "exit.json", deadline.NAME):
        os.mkfifo(folder / name)
    dead = Handle(pid=2**22 - 1, started_ticks=1, boot_id="another", folder=str(folder))

    def look() -> None:
        assert host_folder.last_words(folder) == ""
        assert spec.read(folder) is None
        assert "damaged" in str(wait.read_exit(folder))
        assert deadline.read(str(folder)) is None
        with pytest.raises(OSError, match="No such device"):
            deadline.write(str(folder), 1.0)
        assert host_folder._facts(folder).number == 7

    with anyio.fail_after(10):
        await anyio.to_thread.run_sync(look, abandon_on_cancel=True)
        assert await where_it_stands(dead) == []


def test_of_a_long_file_the_beginning_is_read_or_the_end_and_no_link_is_followed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"begin middle end")
    link = tmp_path / "link"
    link.symlink_to(path)

    assert foreign_file.read(path, 5) == b"begin"
    assert foreign_file.read(path, 3, from_end=True) == b"end"
    with pytest.raises(OSError, match="symbolic"):
        foreign_file.read(link, 5)
