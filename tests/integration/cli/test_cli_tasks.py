"""submit, work, logs, ps, show, wait, cancel."""

import os
import pty
import re
import signal
import subprocess

from .terminal import PROGRAM, Terminal, until_line

ID = re.compile(r"[0-9a-z]{16}\n")


def test_submit_prints_the_id_and_tells_people_the_rest(terminal: Terminal) -> None:
    first = terminal("submit", terminal.script("print('hi')"))
    second = terminal("submit", "script.py", "--gpus", "1")

    assert ID.fullmatch(first.stdout.decode())
    task_id = first.stdout.decode().strip()
    said = first.stderr.decode()
    assert "queue default, position 1" in said
    assert "rq-agent work --queues default" in said
    assert [f"rq-agent {words} {task_id}" in said for words in ("logs -f", "show", "cancel")]
    assert "position 2" in second.stderr.decode()
    assert "hint: --gpus stands after script.py" in second.stderr.decode()


def test_submit_waits_for_the_disk_where_that_is_asked_for(terminal: Terminal) -> None:
    sure = terminal("submit", "--durability", "acked", terminal.script("print('hi')"))
    lacking = terminal("submit", "--durability", "acked:2", "script.py")

    assert ID.fullmatch(sure.stdout.decode())
    assert (lacking.returncode, lacking.stdout) == (5, b"")
    assert "nothing was submitted: replicas connected: 0" in lacking.stderr.decode()
    assert len(terminal.json("ps")["tasks"]) == 1


def test_a_worker_runs_what_waits_in_its_order_and_ends(terminal: Terminal) -> None:
    name = terminal.script("import sys; print(sys.argv[1])")
    terminal.text("submit", "-q", "low", name, "low")
    terminal.text("submit", "-q", "high", name, "high-1")
    terminal.text("submit", "-q", "high", "-p", "high", name, "high-first")

    done = terminal("work", "--queues", "high,low", "--once", "--name", "w1", "--gpus", "none")

    said = done.stderr.decode()
    assert done.returncode == 0, said
    assert done.stdout == b""
    assert "worker w1: queues high, low (priority), 1 slot, no GPU: ready" in said
    tasks = sorted(terminal.json("ps")["tasks"], key=lambda task: task["started_at"])
    assert [terminal.text("logs", task["id"]) for task in tasks] == [
        "high-first\n",
        "high-1\n",
        "low\n",
    ]
    assert "stopped after 3 tasks" in said


def test_parameters_are_overridden_recorded_and_shown(terminal: Terminal) -> None:
    name = terminal.script(
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--epochs", type=int, default=1)
        parser.add_argument("--rate", type=float, default=0.5)
        print(parser.parse_args())
        """
    )

    out = terminal.text("run", "--set", "epochs=3", name)
    shown = terminal.text("show", "last")

    assert out == "Namespace(epochs=3, rate=0.5)\n"
    assert terminal.task()["params"] == {"epochs": "3"}
    assert terminal.task()["used"] == {"epochs": "3", "rate": "0.5"}
    assert re.search(r"\* epochs +3\n", shown)
    assert re.search(r"  rate +0\.5\n", shown)
    wrong = terminal("run", "--set", "epoch=3", name)
    assert wrong.returncode != 0
    assert b"epochs" in wrong.stderr


def test_logs_follow_a_task_that_has_not_begun_and_end_with_it(terminal: Terminal) -> None:
    name = terminal.script("import sys; print('out'); print('err', file=sys.stderr)")
    task_id = terminal.text("submit", name).strip()
    following = terminal.start("logs", "-f", task_id)

    terminal("work", "--once")
    out, _ = following.communicate(timeout=30)

    assert following.returncode == 0
    assert sorted(out.splitlines()) == [b"err", b"out"]
    assert terminal.text("logs", "--stream", "err", task_id[:15]) == "err\n"
    assert terminal.text("logs", "--tail", "0", name) == ""


def test_wait_returns_the_tasks_own_code(terminal: Terminal) -> None:
    bad = terminal.text("submit", terminal.script("raise SystemExit(7)")).strip()
    good = terminal.text("submit", terminal.script("", "good.py")).strip()
    assert terminal("wait", "--timeout", "0.1s", good).returncode == 124

    terminal("work", "--once", "--slots", "2")

    assert terminal("wait", bad).returncode == 7
    assert terminal("wait", good).returncode == 0
    assert terminal("wait", good, bad).returncode == 1
    assert terminal.json("wait", good)["state"] == "succeeded"


def test_cancel_says_what_it_did_and_does_no_harm_twice(terminal: Terminal) -> None:
    waits = "import time; print('on', flush=True); time.sleep(600)"
    queued = terminal.text("submit", "-q", "other", terminal.script(waits)).strip()
    running = terminal.start("run", "script.py")
    until_line(running, b"on")
    run_id = terminal.task()["id"]

    assert terminal.text("cancel", queued) == f"{queued} cancelled\n"
    assert "asked worker" in terminal.text("cancel", run_id, "--grace", "0", "--reason", "why not")
    running.communicate(timeout=30)

    assert running.returncode == 143
    assert terminal("wait", run_id).returncode == 143
    assert terminal.text("cancel", queued, run_id) == (
        f"{queued} already cancelled\n{run_id} already cancelled\n"
    )
    assert terminal.task(run_id)["reason"] == "why not"


def test_names_that_fit_no_task_or_several_end_with_three(terminal: Terminal) -> None:
    ids = [terminal.text("submit", terminal.script("")).strip() for _ in range(2)]

    unknown = terminal("show", "scrip.py")
    ambiguous = terminal("show", ids[0][:5])

    assert (unknown.returncode, unknown.stdout) == (3, b"")
    assert b"did you mean script.py" in unknown.stderr
    assert (ambiguous.returncode, ambiguous.stdout) == (3, b"")
    assert ids[0].encode() in ambiguous.stderr
    assert terminal.task("script.py")["id"] == ids[1]


def test_ps_lists_what_runs_first_and_filters(terminal: Terminal) -> None:
    name = terminal.script("import time; print('on', flush=True); time.sleep(600)")
    terminal.start("work", "--queues", "a", "--name", "w1")
    first = terminal.text("submit", "-q", "a", name).strip()
    until_line(terminal.start("logs", "-f", first), b"on")
    second = terminal.text("submit", "-q", "b", "-l", "k=v", name).strip()

    def ids(*options: str) -> list[str]:
        return [task["id"] for task in terminal.json("ps", *options)["tasks"]]

    assert ids() == [first, second]
    assert ids("--state", "queued") == ids("-q", "b") == ids("-l", "k=v") == [second]
    assert ids("-q", "none") == []
    assert "running" in terminal.text("ps").splitlines()[1]
    assert terminal.json("queue", "ls")["queues"][0]["workers"] == ["w1"]


def test_a_worker_that_drains_ends_and_undrain_says_what_it_did(terminal: Terminal) -> None:
    terminal.text("submit", terminal.script(""))
    worker = terminal.start("work", "--name", "w1")
    until_line(worker, b": succeeded", of_stderr=True)

    assert terminal.text("worker", "undrain", "w1") == "w1 was not told to leave\n"
    assert terminal("worker", "drain", "w2").returncode == 3
    assert "drains" in terminal.text("worker", "drain", "w1")

    worker.communicate(timeout=20)
    assert worker.returncode == 0
    assert terminal.workers() == []


def test_a_second_worker_of_the_machine_gets_a_name_of_its_own(terminal: Terminal) -> None:
    started = [terminal.start("work", "--queues", "q")]
    first = until_line(started[0], b"ready", of_stderr=True)
    second = until_line(terminal.start("work", "--queues", "q"), b"ready", of_stderr=True)
    name = first.decode().split("worker ")[1].split(":")[0]

    taken = terminal("work", "--queues", "q", "--name", name)

    assert f"worker {name}-2: queues q" in second.decode()
    assert taken.returncode == 1
    assert b"runs already on this machine" in taken.stderr


def test_many_workers_started_at_once_all_get_names(terminal: Terminal) -> None:
    started = [terminal.start("work", "--queues", "q") for _ in range(3)]

    said = [until_line(process, b"ready", of_stderr=True) for process in started]

    names = {text.decode().split("worker ")[1].split(":")[0] for text in said}
    assert len(names) == 3


def test_the_worker_that_run_starts_takes_an_idle_server_with_it(terminal: Terminal) -> None:
    terminal.text("submit", terminal.script(""))

    done = terminal("work", "--idle-timeout", "0.5s", "--stop-server")

    assert done.returncode == 0
    assert b"stopped the embedded server: nobody uses it any more" in done.stderr
    assert terminal("down").stderr == b"nothing runs that rq-agent started by itself\n"
    assert terminal.task()["state"] == "succeeded"


def test_the_shell_completes_what_is_in_redis(terminal: Terminal) -> None:
    def complete(*words: str) -> list[str]:
        line = " ".join(("rq-agent", *words))
        done = terminal(
            _RQ_AGENT_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(len(words))
        )
        assert done.stderr == b""
        return done.stdout.decode().split()

    assert complete("submit", "-q", "") == []
    task_id = terminal.text("submit", "-q", "high", terminal.script("")).strip()

    assert complete("submit", "-q", "") == ["high"]
    assert complete("show", task_id[:12]) == [task_id]
    assert complete("show", "la") == ["last"]
    assert complete("ca") == ["cancel"]


def test_a_reader_that_goes_away_ends_logs_quietly(terminal: Terminal) -> None:
    terminal("run", terminal.script("for n in range(50_000): print(n)"))

    reader = terminal.start("logs", "last")
    until_line(reader, b"\n")
    assert reader.stdout is not None
    reader.stdout.close()
    assert reader.stderr is not None
    said = reader.stderr.read()

    assert reader.wait(timeout=20) == 141
    assert b"Error" not in said


def test_down_refuses_while_a_task_runs_and_force_gives_it_back(terminal: Terminal) -> None:
    running = terminal.start(
        "run", terminal.script("import time; print('on', flush=True); time.sleep(600)")
    )
    until_line(running, b"on")
    os.killpg(running.pid, signal.SIGINT)
    running.communicate(timeout=20)

    refused = terminal("down")
    forced = terminal("down", "--force")

    assert refused.returncode == 1
    assert b"use --force" in refused.stderr
    assert forced.returncode == 0, forced.stderr.decode()
    assert b"the embedded server has stopped" in forced.stderr
    assert terminal("down").stderr == b"nothing runs that rq-agent started by itself\n"
    kept = terminal.task()
    assert (kept["state"], kept["attempt"], kept["lost"]) == ("queued", 1, 0)


def test_on_a_terminal_there_are_colours_and_lines_that_fit(terminal: Terminal) -> None:
    terminal("run", terminal.script("raise SystemExit(1)", "a_script_with_quite_a_long_name.py"))

    colored = on_pty(terminal, "ps", columns=60)
    plain = on_pty(terminal, "ps", "--no-color", columns=60)

    assert "\x1b[" in colored
    assert "\x1b[3" not in plain
    lines = re.sub(r"\x1b\[[0-9;]*m", "", colored).splitlines()
    assert len(lines) == 2
    assert all(len(line) <= 60 for line in lines)
    assert lines[1].split()[0] == terminal.task()["id"]


def on_pty(terminal: Terminal, *arguments: str, columns: int) -> str:
    """Run a command whose stdout is a terminal; return what it printed there."""
    ours, theirs = pty.openpty()
    environ = terminal.environ | {"COLUMNS": str(columns), "TERM": "xterm"}
    subprocess.run([*PROGRAM, *arguments], stdout=theirs, env=environ, timeout=30, check=True)
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 65_536):
            said += part
    except OSError:  # what reading a terminal raises at its end
        pass
    os.close(ours)
    return said.decode()
