"""A worker for light tasks that is told to leave by signals, with a task that will not end."""

import signal
import time
from functools import partial

import psutil

from .terminal import Terminal, until_line

STUBBORN = """
import asyncio, os

async def main():
    print(os.getpid(), flush=True)
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass
"""
BOT = "import asyncio, os\n\nasync def main():\n    print(os.getpid())\n    await asyncio.sleep(600)\n"
GRACE_S = 1
LIMIT_S = 20


def test_a_worker_that_is_told_twice_leaves_within_the_grace_and_leaves_nothing(
    terminal: Terminal,
) -> None:
    stubborn = terminal.script(STUBBORN, "stubborn.py")
    bot = terminal.script(BOT, "bot.py")
    service = terminal.text("submit", "--service", "--restart", "always", bot).strip()
    call = terminal.text("submit", "--service", "--grace", f"{GRACE_S}s", stubborn).strip()
    worker = terminal.start("work", "--services", "9", "--name", "box", "-q", "services")
    until_line(worker, b"ready", of_stderr=True)
    tasks = (service, call)
    pids = [int(terminal.soon(partial(terminal.text, "logs", each))) for each in tasks]

    worker.send_signal(signal.SIGTERM)
    terminal.soon(lambda: terminal.task(service)["state"] == "queued")
    assert terminal.task(call)["state"] == "running"
    assert worker.poll() is None
    begin_s = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.wait(LIMIT_S)

    assert worker.returncode == 0
    assert time.monotonic() - begin_s >= GRACE_S, "it had its grace"
    for task_id in tasks:
        record = terminal.task(task_id)
        assert (record["state"], record["lost"]) == ("queued", 0)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not list((terminal.home / "state").glob("*/workers/box/hosts/*"))
    assert not list((terminal.home / "state").glob("*/workers/box/tasks/*"))
