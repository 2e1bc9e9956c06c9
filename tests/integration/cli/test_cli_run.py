"""`run`, from a machine where nothing runs yet to the script's own exit code."""

import json
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from .terminal import Terminal, until_line

FORMER = """
    import os, sys
    sys.stdout.buffer.write(b"bytes: \\xff\\x00\\n")
    sys.stdout.flush()
    sys.stderr.write("trouble\\n")
    print(sys.argv[1:], os.environ["RQ_AGENT_ATTEMPT"], os.environ["RQ_AGENT_QUEUE"])
    sys.exit(3)
"""

WAITS = """
    import os, time
    print("going", os.environ["RQ_AGENT_FENCE"], flush=True)
    time.sleep(600 if os.environ["RQ_AGENT_FENCE"] == "1" else 0)
"""


def test_a_script_runs_through_a_server_and_a_worker_that_were_not_there(
    terminal: Terminal,
) -> None:
    done = terminal("run", "-q", "gpu", terminal.script(FORMER), "--its-own", "3")

    assert done.returncode == 3, done.stderr.decode()
    assert done.stdout == b"bytes: \xff\x00\n['--its-own', '3'] 1 gpu\n"
    said = done.stderr.decode().splitlines()
    assert "trouble" in said
    assert "failed (exit 3)" in said[-1]
    assert "Traceback" not in done.stderr.decode()
    assert [worker["queues"] for worker in terminal.workers()] == [["gpu"]]


def test_what_json_promises_is_there(terminal: Terminal) -> None:
    terminal.script(FORMER)
    terminal("run", "--name", "n", "-p", "high", "-l", "team=a", "--cpus", "0.5", "script.py")

    task = terminal.task()

    assert task["schema"] == 1
    assert task["position"] is None
    assert task["phase"] is None
    assert (task["name"], task["state"], task["reason"], task["exit_code"]) == (
        "n",
        "failed",
        "exit 3",
        3,
    )
    assert (task["queue"], task["priority"], task["labels"]) == ("default", 64, {"team": "a"})
    assert (task["attempt"], task["fence"], task["lost"]) == (1, 1, 0)
    assert task["needs"] == {"gpus": 0, "cpus": 0.5, "mem_mib": 0, "light": False}
    assert task["params"] == {}
    assert task["worker"] == terminal.workers()[0]["name"]
    times = [task[f"{name}_at"] for name in ("created", "queued", "started", "finished")]
    assert times == sorted(times)
    assert task["user"]
    assert terminal.json("ps")["tasks"][0]["id"] == task["id"]


@pytest.mark.parametrize(
    ("options", "text", "code", "words"),
    [
        ((), "import os; os.kill(os.getpid(), 9)", 137, "signal 9"),
        (("--timeout", "1s"), "import time; time.sleep(600)", 124, "timed out"),
        (("--python", "3.77"), "print()", 125, "python 3.77 is not on this machine"),
        ((), "", 0, "succeeded"),
    ],
)
def test_the_end_of_a_script_is_the_exit_code(
    terminal: Terminal, options: tuple[str, ...], text: str, code: int, words: str
) -> None:
    done = terminal("run", *options, terminal.script(text))

    assert done.returncode == code, done.stderr.decode()
    assert words in done.stderr.decode().splitlines()[-1]
    assert done.stdout == b""


def test_with_json_the_task_is_all_that_stands_on_stdout(terminal: Terminal) -> None:
    done = terminal("run", "--json", terminal.script("print('hello')"))

    assert json.loads(done.stdout)["state"] == "succeeded"
    assert b"hello\n" in done.stderr


def test_ctrl_c_leaves_the_task_running_and_says_how_to_go_on(terminal: Terminal) -> None:
    running = terminal.start("run", terminal.script(WAITS))
    until_line(running, b"going")

    os.killpg(running.pid, signal.SIGINT)
    _, said = running.communicate(timeout=20)

    task = terminal.task()
    assert running.returncode == 130
    assert f"the task goes on:  rq-agent logs -f {task['id']}" in said.decode()
    assert task["state"] == "running"


def test_a_worker_that_is_killed_is_replaced_and_the_task_goes_on(terminal: Terminal) -> None:
    finish = terminal.home / "finish"
    text = f"""
        import os, time
        print("going", flush=True)
        while not os.path.exists({str(finish)!r}):
            time.sleep(0.02)
        print("gone", os.environ["RQ_AGENT_FENCE"])
        """
    running = terminal.start("run", terminal.script(text))
    until_line(running, b"going")

    os.kill(terminal.workers()[0]["pid"], signal.SIGKILL)
    until_line(running, b"goes on with this task", of_stderr=True)
    finish.touch()
    out, _ = running.communicate(timeout=60)

    assert running.returncode == 0
    assert out == b"gone 1\n"


def test_a_server_that_is_killed_is_started_again(terminal: Terminal) -> None:
    text = "import time; print('going', flush=True); time.sleep(3); print('gone')"
    running = terminal.start("run", terminal.script(text))
    until_line(running, b"going")

    os.kill(int((terminal.home / "data" / "server.pid").read_text()), signal.SIGKILL)
    out, said = running.communicate(timeout=60)

    assert running.returncode == 0, said.decode()
    assert out == b"gone\n"
    assert b"waiting for Redis" in said
    assert b"Redis is back" in said


def test_two_at_once_where_nothing_runs_share_one_server_and_one_worker(
    terminal: Terminal,
) -> None:
    name = terminal.script("print('done')")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: terminal("run", name), range(2)))

    assert [(done.returncode, done.stdout) for done in both] == [(0, b"done\n")] * 2
    assert len(terminal.workers()) == 1
    assert len(terminal.json("ps")["tasks"]) == 2


def test_a_need_that_this_machine_cannot_meet_is_told_before_anything_is_queued(
    terminal: Terminal,
) -> None:
    done = terminal("run", "--gpus", "999", terminal.script("print()"))

    assert done.returncode == 2
    assert b"no worker could run it: it needs 999 GPUs" in done.stderr
    assert terminal.json("ps")["tasks"] == []
