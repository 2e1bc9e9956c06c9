"""Outputs that are larger than what may stay on the disk."""

import hashlib
import os
import sys
from pathlib import Path

import pytest

from rq_agent.worker.process import holes

from .lab import Lab
from .test_full_disk import small_disk
from .test_output import joined, on_disk, shipped

MIB = 1024 * 1024
LIMIT = 4 * MIB
PRINTS = """
    import hashlib, os, sys, time
    digest = hashlib.sha256()
    for number in range(int(sys.argv[1]) * 16):
        block = b"".join(b"%06d %04d " % (number, n) + b"x" * 51 + b"\\n" for n in range(1024))
        os.write(1, block)
        if number >= int(sys.argv[1]) * 16 - 16:
            digest.update(block)
        {pace}
    print(digest.hexdigest(), file=sys.stderr)
    """


def taken(path: Path) -> int:
    return path.stat().st_blocks * 512


def tail(path: Path) -> str:
    with path.open("rb") as file:
        file.seek(-MIB, os.SEEK_END)
        return hashlib.sha256(file.read()).hexdigest()


async def test_only_the_newest_output_stays_on_the_disk(lab: Lab) -> None:
    script = lab.script(PRINTS.format(pace=""))
    async with lab.worker(spool_limit_bytes=LIMIT):
        task_id = await lab.submit(script, argv=("12",))
        [record] = await lab.ended(task_id)

    out, entries = on_disk(lab, task_id), await shipped(lab, task_id)
    said = joined(entries, "sys").decode()
    assert record.state == "succeeded"
    assert out.stat().st_size == 12 * MIB
    assert LIMIT // 2 <= taken(out) <= LIMIT // 2 + MIB // 8
    assert tail(out) == joined(entries, "err").decode().strip()
    assert out.read_bytes().endswith(joined(entries)[-100_000:])
    assert said.count("the newest 4 MiB stay on the worker's disk") == 1


async def test_where_the_file_system_has_no_holes_all_of_it_stays(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(path: Path, start: int, end: int) -> int:
        raise holes.NoHoles("not here")

    monkeypatch.setattr(holes, "punch", refuse)
    script = lab.script(PRINTS.format(pace=""))
    async with lab.worker(spool_limit_bytes=LIMIT, slots=2):
        ids = [await lab.submit(script, argv=("5",)) for _ in range(2)]
        await lab.ended(*ids)

    assert [taken(on_disk(lab, i)) // MIB for i in ids] == [5, 5]
    assert caplog.text.count("what tasks print may fill the disk: not here") == 1


WAITS_FOR_ROOM = """
        while (disk := os.statvfs(sys.argv[2])).f_bavail * disk.f_frsize < 512 * 1024:
            time.sleep(0.01)
""".strip().replace("\n", "\n        ")


@pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root can mount")
async def test_a_flood_leaves_room_for_others_where_the_disk_is_small(lab: Lab) -> None:
    """It waits while there is next to no room: for ever, if nobody made any."""
    script = lab.script(PRINTS.format(pace=WAITS_FOR_ROOM))
    with small_disk(lab.home.state, 16 * 1024) as disk:
        async with lab.worker(slots=2):
            flood = await lab.submit(script, argv=("24", str(disk)))
            other = await lab.submit("print('fits')")
            records = await lab.ended(flood, other)
            taken_then = taken(on_disk(lab, flood))

    assert [record.state for record in records] == ["succeeded", "succeeded"]
    assert taken_then < 16 * MIB
