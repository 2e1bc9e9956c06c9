"""A task that hangs is told, with its stacks, and left alone."""

import os
import shutil
from pathlib import Path

import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.worker import stacks

from .lab import Lab
from .left_behind import left_behind

HANGS = """
    import subprocess, sys, threading
    def wait_for_word(word):
        with open(word) as f:
            return f.read()
    threading.Thread(target=wait_for_word, args=(sys.argv[2],), name="loader").start()
    child = subprocess.Popen(["sleep", "600"])
    print("began", flush=True)
    print(wait_for_word(sys.argv[1]), flush=True)
    print(wait_for_word(sys.argv[1]), flush=True)
    child.kill()
    """
SECRET = "geheim-4711"


@pytest.fixture
def fifos(tmp_path: Path) -> list[str]:
    folder = tmp_path / SECRET
    folder.mkdir()
    names = [str(folder / name) for name in ("main", "thread")]
    for name in names:
        os.mkfifo(name)
    return names


def write(fifo: str, text: str) -> None:
    Path(fifo).write_text(text)


async def events(lab: Lab, task_id: TaskId) -> list[str]:
    told = [e.event for e in await lab.events() if e.task_id == task_id]
    return [name for name in told if name in ("hanging", "moving")]


async def test_a_task_that_hangs_is_flagged_with_its_stacks_and_goes_on(
    lab: Lab, fifos: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    async with lab.worker(watchdog_s=1.0):
        task_id = await lab.submit(HANGS, argv=tuple(fifos))
        await lab.reached(task_id, "hanging")
        await lab.printed(task_id, "wait_for_word")
        await lab.printed(task_id, " sleep: ")
        hanging = await lab.record(task_id)
        write(fifos[0], "heard")
        await lab.reached(task_id, "moving")
        moving = await lab.record(task_id)
        write(fifos[1], "")
        write(fifos[0], "and ended")
        [record] = await lab.ended(task_id)

    block = await lab.output(task_id, "sys")
    assert (record.state, await lab.output(task_id)) == ("succeeded", "began\nheard\nand ended\n")
    assert hanging.hanging_since is not None
    assert moving.hanging_since is None
    assert (await events(lab, task_id))[:2] == ["hanging", "moving"]
    assert "rq-agent: it seems to hang: no output and no CPU use for " in block
    assert "rq-agent: it moves again" in block
    assert "  thread MainThread" in block
    assert "  thread loader" in block
    assert "script.py:" in block
    assert SECRET not in block
    assert "hangs: no output and no CPU use" in caplog.text


async def test_without_py_spy_the_kernel_tells_where_it_stands(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "find_py_spy", lambda: "")
    async with lab.worker(watchdog_s=0.3):
        task_id = await lab.submit("import time; time.sleep(600)")
        await lab.reached(task_id, "hanging")
        await lab.printed(task_id, "pip install py-spy")
        await lab.cancel(task_id)
        await lab.ended(task_id)

    block = await lab.output(task_id, "sys")
    assert "S (sleeping)" in block
    assert "MainThread" not in block


@pytest.mark.parametrize(
    ("script", "why"),
    [("exit 1", "py-spy can't look at process"), ("echo '{'", "py-spy wrote what can't be read")],
)
async def test_a_py_spy_that_fails_is_named(tmp_path: Path, script: str, why: str) -> None:
    broken = tmp_path / "py-spy"
    broken.write_text(f"#!/bin/sh\n{script}\n")
    broken.chmod(0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stacks, "find_py_spy", lambda: str(broken))
        found = await stacks.lines_of([os.getpid()])

    assert found[0].startswith(f"process {os.getpid()} ")
    assert why in found[-1]


async def test_a_process_that_is_gone_has_no_lines() -> None:
    assert await stacks.lines_of([2**22 + 1]) == []


def test_py_spy_is_installed_with_what_the_tests_need() -> None:
    assert shutil.which(stacks.find_py_spy())


async def test_a_task_of_an_earlier_session_is_watched_too(lab: Lab) -> None:
    async with left_behind(lab) as left, lab.worker(watchdog_s=0.3):
        await lab.reached(left.task_id, "hanging")
        await left.go()
        [record] = await lab.ended(left.task_id)

    assert (record.exit_code, record.fence, record.hanging_since) == (7, 1, None)
    assert "it seems to hang" in await lab.output(left.task_id, "sys")


async def test_a_worker_without_a_watchdog_tells_nothing(lab: Lab) -> None:
    async with lab.worker(watchdog_s=0):
        task_id = await lab.submit("import time; time.sleep(0.3)")
        await lab.ended(task_id)

    assert await events(lab, task_id) == []
