"""What tasks print: every byte, in bounds."""

import hashlib
from pathlib import Path

import psutil
import pytest

from rq_agent.broker import keys
from rq_agent.broker.keys import TaskId
from rq_agent.broker.logs import LogEntry, Logs

from .lab import Lab

MIB = 1024 * 1024


async def run(lab: Lab, script: str) -> TaskId:
    task_id = await lab.submit(script)
    async with lab.worker():
        [record] = await lab.ended(task_id)
    assert record.state == "succeeded"
    return task_id


async def shipped(lab: Lab, task_id: TaskId) -> list[LogEntry]:
    entries, _ = await Logs(lab.namespace).read(task_id, 1, count=100_000)
    return entries


def joined(entries: list[LogEntry], stream: str = "out") -> bytes:
    return b"".join(entry.data for entry in entries if entry.stream == stream)


def on_disk(lab: Lab, task_id: TaskId, stream: str = "out") -> Path:
    return lab.run_folder(task_id) / stream


async def test_bytes_that_are_no_utf_8_arrive_as_they_are(lab: Lab) -> None:
    task_id = await run(
        lab,
        """
        import os
        os.write(1, bytes(b for b in range(256) if b != 13))
        os.write(2, b"\\xff\\xfe\\x00 half a character: \\xe2\\x82")
        """,
    )

    entries = await shipped(lab, task_id)
    assert joined(entries) == bytes(b for b in range(256) if b != 13)
    assert joined(entries, "err") == b"\xff\xfe\x00 half a character: \xe2\x82"


async def test_much_output_at_once_is_bounded_in_redis_and_in_memory_and_whole_on_disk(
    lab: Lab,
) -> None:
    process = psutil.Process()
    script = lab.script(
        """
        import hashlib, os, sys
        line = b"x" * 63
        digest = hashlib.sha256()
        for number in range(30 * 1024 * 1024 // 6400):
            block = b"".join(b"%06d%d " % (number, n % 10) + line[:55] + b"\\n" for n in range(100))
            digest.update(block)
            os.write(1, block)
        print(digest.hexdigest(), file=sys.stderr)
        """
    )
    task_id = await lab.submit(script)
    before = process.memory_info().rss
    most = before
    async with lab.worker():
        await lab.reached(task_id, "phase", phase="running")
        while (await lab.record(task_id)).state == "running":
            most = max(most, process.memory_info().rss)
        [record] = await lab.ended(task_id)

    assert record.state == "succeeded"
    entries = await shipped(lab, task_id)
    told = joined(entries, "err").decode().strip()
    whole = on_disk(lab, task_id).read_bytes()
    assert hashlib.sha256(whole).hexdigest() == told
    assert len(whole) > 29 * MIB
    kept = joined(entries)
    assert len(kept) <= MIB
    assert whole.endswith(kept[-100_000:])
    assert await memory_bytes(lab, task_id) < 2 * MIB
    assert most - before < 60 * MIB


async def memory_bytes(lab: Lab, task_id: TaskId) -> int:
    key = keys.log(lab.namespace.prefix, task_id, 1)
    return int(await lab.namespace.redis.memory_usage(key, samples=0) or 0)


async def test_what_is_dropped_leaves_a_mark(lab: Lab) -> None:
    task_id = await run(lab, "import os\nfor _ in range(40): os.write(1, b'y' * 99_999 + b'\\n')")

    out = [entry for entry in await shipped(lab, task_id) if entry.stream == "out"]
    assert sum(entry.raw_bytes + entry.dropped_bytes for entry in out) == 4_000_000
    assert sum(entry.dropped_bytes for entry in out) > 2 * MIB


async def test_a_progress_bar_is_shown_in_its_last_state_only(lab: Lab) -> None:
    task_id = await run(
        lab,
        """
        import sys
        for percent in range(101):
            sys.stderr.write(f"\\r{percent:3d}%")
            sys.stderr.flush()
        sys.stderr.write("\\ndone\\n")
        """,
    )

    entries = [e for e in await shipped(lab, task_id) if e.stream == "err"]
    text = joined(entries, "err").decode()
    assert text.splitlines()[-2:] == ["100%", "done"]
    assert len(text) < 100
    assert sum(entry.raw_bytes for entry in entries) == on_disk(lab, task_id, "err").stat().st_size


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        pytest.param("no end", b"no end", id="no newline at the end"),
        pytest.param("one\\r\\ntwo\\r\\n", b"one\ntwo\n", id="newlines of Windows"),
        pytest.param("bar 1\\rbar 2", b"bar 2", id="a bar that never ended"),
        pytest.param("\\r" * 100_000 + "x", b"x", id="nothing but carriage returns"),
    ],
)
async def test_the_last_line_arrives_however_it_ends(lab: Lab, written: str, seen: bytes) -> None:
    task_id = await run(lab, f"import os; os.write(1, b'{written}')")

    assert joined(await shipped(lab, task_id)) == seen


async def test_output_arrives_while_the_task_runs(lab: Lab) -> None:
    async with lab.worker():
        task_id = await lab.submit("print('early', flush=True); import time; time.sleep(600)")
        await lab.reached(task_id, "phase", phase="running")
        await lab.printed(task_id, "early")
        state_then = (await lab.record(task_id)).state
        await lab.cancel(task_id)
        await lab.ended(task_id)

    assert state_then == "running"


async def test_both_streams_keep_their_own_order(lab: Lab) -> None:
    task_id = await run(
        lab,
        """
        import os
        for number in range(2_000):
            os.write(1 + number % 2, b"%d\\n" % number)
        """,
    )

    entries = await shipped(lab, task_id)
    assert [int(n) for n in joined(entries).split()] == list(range(0, 2_000, 2))
    assert [int(n) for n in joined(entries, "err").split()] == list(range(1, 2_000, 2))
