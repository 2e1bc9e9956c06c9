"""Light tasks as a person meets them: submitted, listed, followed, cancelled, their results."""

import signal

from .terminal import Terminal, until_line

BOT = """
import asyncio

async def main(every_s: float = 1.0):
    n = 0
    while True:
        print("step", n)
        n += 1
        await asyncio.sleep(every_s)
"""
FUNCTIONS = """
import os

async def add(a: int, b: int = 1) -> int:
    print("adds", a, b)
    return a + b

def squares(n):
    print("in a process of its own")
    return {"n": n, "squares": [i * i for i in range(n)]}

async def fails():
    raise ValueError("no such thing")
"""


def test_light_tasks_are_submitted_listed_followed_and_cancelled(terminal: Terminal) -> None:
    bot = terminal.script(BOT, "bot.py")
    terminal.script(FUNCTIONS, "fn.py")
    waits = terminal("submit", "--service", "--kwargs", '{"every_s": 0.05}', bot)
    assert b"rq-agent work --services 100 --queues services" in waits.stderr
    task_id = waits.stdout.decode().strip()
    assert "rq-agent work --services 100 --queues services" in terminal.text("why", task_id)
    moved = terminal("move", task_id, "-q", "other")
    assert b"start one:  rq-agent work --services 100 --queues other\n" in moved.stderr
    terminal.text("move", task_id, "-q", "services")
    early = terminal("result", task_id)
    assert (early.returncode, b"it has no result yet" in early.stderr) == (1, True)
    worker = terminal.start(
        "work", "--services", "9", "--slots", "0", "--name", "box", "-q", "services"
    )
    said = until_line(worker, b"ready", of_stderr=True)
    assert b"9 service slots, no GPU: ready" in said

    added = terminal("run", "--service", "--args", "[2]", "--kwargs", '{"b": 5}', "fn:add")
    assert (added.returncode, added.stdout) == (0, b"adds 2 5\n"), added.stderr.decode()
    assert b"it returned 7" in added.stderr
    assert terminal.text("result", "fn:add") == "7\n"
    process = terminal("run", "--service", "--args", "[3]", "fn.py:squares")
    assert process.stdout == b"in a process of its own\n", process.stderr.decode()
    assert terminal.json("result", "last")["result"] == {"n": 3, "squares": [0, 1, 4]}
    failed = terminal("run", "--service", "fn:fails")
    assert failed.returncode == 1
    assert b"ValueError: no such thing" in failed.stderr
    nothing = terminal("result", "last")
    assert (nothing.returncode, nothing.stdout) == (1, b"")
    assert b"failed (ValueError: no such thing), so it returned nothing" in nothing.stderr

    sub_worker = f"box/{task_id}"
    terminal.soon(lambda: "step 3\n" in terminal.text("logs", sub_worker))
    listed = terminal.text("worker", "ls")
    [line] = [line for line in listed.splitlines() if line.startswith(sub_worker)]
    assert ("bot.py:main" in line, "running" in line) == (True, True)
    [told] = terminal.json("worker", "ls")["sub_workers"]
    assert (told["sub_worker"], told["name"], told["queue"]) == (
        sub_worker,
        "bot.py:main",
        "services",
    )
    assert terminal.json("worker", "ls", "--no-sub-workers")["sub_workers"] == []
    shown = terminal.soon(lambda: terminal.json("worker", "show", "box")["hosts"]) and (
        terminal.text("worker", "show", "box")
    )
    assert "hosts\n" in shown
    terminal.soon(lambda: terminal.json("show", task_id)["host"])
    told = terminal.text("show", task_id)
    assert "  host          1, coroutines, pid " in told
    assert f"  {task_id}" in shown
    text = terminal.text("show", task_id)
    assert "function      main(every_s=0.05), a coroutine" in text

    assert f"{task_id} asked worker box" in terminal.text("cancel", sub_worker)
    assert terminal("wait", task_id).returncode == 143
    worker.send_signal(signal.SIGTERM)
    worker.communicate(timeout=20)
    assert worker.returncode == 0
