"""`up` and `down` on one machine, and what goes wrong between them."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
import redis

from rq_agent.broker import keys
from rq_agent.broker.embedded import binary
from rq_agent.broker.embedded.layout import Layout, Running
from rq_agent.broker.embedded.start import ensure
from tests.servers import Servers, free_port

from ..cli.terminal import PROGRAM, Terminal

LIMIT_S = 60.0
Up = Mapping[str, Any]


def until(seen: Callable[[], Any], what: str) -> Any:
    """Return what is seen once it is true."""
    give_up = time.monotonic() + LIMIT_S
    while not (found := seen()):
        assert time.monotonic() < give_up, f"waited {LIMIT_S} s for: {what}"
        time.sleep(0.02)
    return found


def up(terminal: Terminal, *options: str) -> Up:
    """Bring up without a page and a worker for light tasks; return what it tells."""
    told: Up = terminal.json("up", "--no-web", "--services=0", *options)
    return told


def part(told: Up, name: str) -> Any:
    """Return one of the processes."""
    return next(each for each in told["parts"] if each["name"] == name)


def files(terminal: Terminal) -> Path:
    """Return the folder with the files of `up`."""
    (found,) = (terminal.home / "state").glob("*/up")
    return found


def runs(pid: int) -> bool:
    """Return whether a process lives; nobody may have collected one that ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def kill(pid: int) -> None:
    """End a process of ours at once, and return when it is gone."""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not runs(pid), "its end")


def server_pid(terminal: Terminal) -> int:
    """Return the pid of the embedded server."""
    try:
        return int(Layout(terminal.home / "data").pid.read_text())
    except (FileNotFoundError, ValueError):  # it is being started
        return 0


def test_up_runs_a_worker_that_takes_tasks_and_down_ends_everything(terminal: Terminal) -> None:
    begin = time.monotonic()
    told = up(terminal)
    took_s = time.monotonic() - begin
    done = terminal("run", terminal.script("print('hello')"))

    assert done.stdout == b"hello\n", done.stderr.decode()
    assert took_s < 15
    assert [each["state"] for each in told["parts"]] == ["running", "running"]
    assert [worker["pid"] for worker in terminal.workers()] == [part(told, "worker")["pid"]]
    assert terminal.json("down")["up_stopped"]
    assert not runs(told["pid"])
    assert not runs(part(told, "worker")["pid"])
    assert b"nothing runs" in terminal("down").stderr


def test_a_second_up_changes_nothing_and_others_options_only_what_they_are_about(
    terminal: Terminal,
) -> None:
    first = up(terminal)
    second = up(terminal)
    third = up(terminal, "--queues", "b,c")
    fourth = up(terminal, "--no-scheduler")

    assert (second["changed"], third["changed"], fourth["changed"]) == (False, True, True)
    assert second["parts"] == first["parts"]
    assert part(third, "scheduler") == part(first, "scheduler")
    assert part(third, "worker")["pid"] != part(first, "worker")["pid"]
    assert terminal.workers()[0]["queues"] == ["b", "c"]
    assert [each["name"] for each in fourth["parts"]] == ["worker"]
    assert part(fourth, "worker") == part(third, "worker")


def test_two_up_at_once_start_one_supervisor(terminal: Terminal) -> None:
    started = [terminal.start("up", "--no-web", "--services=0", "--json") for _ in range(2)]

    answers = [process.communicate(timeout=LIMIT_S * 2) for process in started]

    assert [process.returncode for process in started] == [0, 0], answers
    pids = {answer.split(b'"pid":')[1].split(b",")[0] for answer, _ in answers}
    assert len(pids) == 1
    assert len(terminal.workers()) == 1


def test_a_killed_supervisor_is_replaced_and_its_worker_goes_on_with_its_task(
    terminal: Terminal,
) -> None:
    first = up(terminal, "--queues", "night")
    terminal("submit", "-q", "night", terminal.script("__import__('time').sleep(60)"))
    until(lambda: terminal.task()["state"] == "running", "the task runs")
    kill(first["pid"])
    second = up(terminal)

    assert second["pid"] != first["pid"]
    assert part(second, "worker")["pid"] == part(first, "worker")["pid"]
    assert part(second, "scheduler")["pid"] == part(first, "scheduler")["pid"]
    assert terminal.task()["state"] == "running"
    assert terminal.task()["lost"] == 0
    refused = terminal("down")
    assert refused.returncode == 1
    assert b"runs task" in refused.stderr
    terminal.text("down", "--force")


def test_down_hands_services_over_that_would_never_end(terminal: Terminal) -> None:
    terminal.json("up", "--no-web", "--no-scheduler", "--services=2")
    text = "import asyncio\nasync def main():\n    await asyncio.sleep(600)\n"
    bot = terminal.script(text, "bot.py")
    task_id = terminal.text("submit", "--service", "--restart", "always", bot).strip()
    other = terminal.text("submit", "--service", bot).strip()
    until(lambda: terminal.task(other)["state"] == "running", "both run")

    refused = terminal("down")
    terminal.text("cancel", other)
    until(lambda: terminal.task(other)["state"] == "cancelled", "its end")
    done = terminal("down")

    assert (refused.returncode, other.encode() in refused.stderr) == (1, True)
    assert done.returncode == 0, done.stderr.decode()
    assert f"service {task_id}: it goes back into its place".encode() in done.stderr
    assert terminal.task(task_id)["state"] == "queued"
    terminal("down")


def test_down_ends_what_a_killed_supervisor_left(terminal: Terminal) -> None:
    told = up(terminal)
    kill(told["pid"])

    assert terminal.json("down")["up_stopped"]
    assert not any(runs(each["pid"]) for each in told["parts"])


def test_a_pid_that_another_process_has_by_now_is_never_signalled(terminal: Terminal) -> None:
    told = up(terminal)
    for pid in (told["pid"], *(each["pid"] for each in told["parts"])):
        kill(pid)
    state = files(terminal) / "up.json"
    bystander = terminal.start("work", "--name", "bystander")
    until(lambda: any(w["name"] == "bystander" for w in terminal.workers()), "it works")
    text = state.read_text()
    for pid in (told["pid"], *(each["pid"] for each in told["parts"])):
        text = text.replace(f'"pid":{pid},', f'"pid":{bystander.pid},')
    state.write_text(text)

    again = up(terminal)
    terminal("down", "--force")

    assert bystander.pid not in [each["pid"] for each in again["parts"]]
    assert bystander.poll() is None


@pytest.mark.parametrize("name", ["worker", "scheduler"])
def test_a_killed_process_is_started_again(terminal: Terminal, name: str) -> None:
    first = part(up(terminal), name)
    kill(first["pid"])

    again = until(lambda: _other(terminal, name, first["pid"]), "another one")

    assert again["starts"] == 2
    assert again["problem"] == "ended by SIGKILL"


def _other(terminal: Terminal, name: str, pid: int) -> Any:
    found = part(up(terminal), name)
    return found if found["pid"] not in (pid, None) and found["state"] == "running" else None


def test_a_killed_server_comes_back_with_its_tasks(terminal: Terminal) -> None:
    up(terminal, "--no-worker")
    task_id = terminal.text("submit", terminal.script("print(6 * 7)")).strip()
    before = server_pid(terminal)
    kill(before)

    until(lambda: server_pid(terminal) not in (0, before), "it is back")
    up(terminal, "--worker")

    assert terminal("wait", task_id, "--timeout", "30s").returncode == 0
    assert terminal.text("logs", task_id) == "42\n"


def test_a_full_disk_for_logs_stops_nothing(terminal: Terminal) -> None:
    up(terminal)
    terminal("down")
    for name in ("worker", "scheduler", "up"):
        (files(terminal) / f"{name}.log").unlink()
        (files(terminal) / f"{name}.log").symlink_to("/dev/full")
    told = up(terminal)

    assert [each["state"] for each in told["parts"]] == ["running", "running"]
    assert terminal("run", terminal.script("print(1)")).stdout == b"1\n"
    assert [each["starts"] for each in up(terminal)["parts"]] == [1, 1]


def test_a_worker_that_was_told_to_leave_stays_away_until_the_next_up(terminal: Terminal) -> None:
    told = up(terminal)
    name = terminal.workers()[0]["name"]
    terminal.text("worker", "drain", name)
    until(lambda: not runs(part(told, "worker")["pid"]), "it has left")
    state = files(terminal) / "up.json"
    until(lambda: '"stopped"' in state.read_text(), "that is noted")

    assert part(up(terminal), "worker")["state"] == "running"


def test_what_keeps_dying_is_told_with_its_own_words_and_tried_ever_later(
    terminal: Terminal,
) -> None:
    done = terminal("up", "--no-web", "--services=0", RQ_AGENT_ARCHIVE="nosuch://place")
    state = files(terminal) / "up.json"
    until(lambda: '"failing"' in state.read_text(), "it is given up for a while")
    told = json.loads(state.read_text())
    without = up(terminal, "--no-scheduler")

    assert done.returncode == 1
    assert b"the scheduler ended with code 2" in done.stderr
    assert b"nosuch://place" in done.stderr
    assert part(told, "scheduler")["starts"] == 5
    assert part(told, "worker")["state"] == "running"
    assert [each["name"] for each in without["parts"]] == ["worker"]


def test_in_the_foreground_sigterm_ends_everything_and_the_server(terminal: Terminal) -> None:
    process = terminal.start("up", "--no-web", "--foreground", "--json")
    assert process.stdout is not None
    pid = int(process.stdout.readline().split(b'"pid":')[1].split(b",")[0])
    workers = [worker["pid"] for worker in terminal.workers()]
    refused = terminal("down")
    server = server_pid(terminal)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=LIMIT_S)

    assert pid == process.pid
    assert process.returncode == 0, said.decode()
    assert len(workers) == 2, "one for ordinary tasks, one for light ones"
    assert (refused.returncode, b"--foreground" in refused.stderr) == (2, True)
    assert not any(runs(each) for each in (*workers, server))


def test_files_are_for_their_owner_only(terminal: Terminal) -> None:
    up(terminal)

    folder = files(terminal)
    modes = {path.name: path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())}
    assert set(modes.values()) == {0}, modes
    assert {"up.json", "wanted.json", "worker.log", "up.log"} <= modes.keys()


def test_secrets_of_a_server_of_ones_own_are_in_no_arguments(terminal: Terminal) -> None:
    told = up(terminal)
    password = (terminal.home / "data" / "local.password").read_text().strip()

    for pid in (told["pid"], *(each["pid"] for each in told["parts"])):
        assert password not in Path(f"/proc/{pid}/cmdline").read_text()


def test_a_port_that_is_taken_is_told_before_anything_starts(terminal: Terminal) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = terminal("up", "--no-web", "--listen", f"127.0.0.1:{port}")

    assert done.returncode == 2
    assert b"another program has that port" in done.stderr
    assert terminal.workers() == []


def test_the_way_in_can_be_opened_moved_and_closed_under_a_worker_that_goes_on(
    terminal: Terminal,
) -> None:
    worker = part(up(terminal), "worker")
    port, other = free_port(), free_port()
    opened = up(terminal, "--listen", f"127.0.0.1:{port}")
    again = up(terminal)
    moved = up(terminal, "--listen", f"127.0.0.1:{other}", "--host-name", "box.example")
    closed = up(terminal, "--listen", "off")

    assert [each["role"] for each in opened["invitations"]] == ["worker", "submitter", "viewer"]
    assert f"@127.0.0.1:{port}/default" in opened["invitations"][0]["link"]
    assert again["invitations"] == []
    assert f"@box.example:{other}/default" in moved["invitations"][0]["link"]
    assert {each["token"] for each in moved["invitations"]}.isdisjoint(
        each["token"] for each in opened["invitations"]
    )
    assert [each["name"] for each in closed["parts"]] == ["worker", "scheduler"]
    assert part(closed, "worker") == worker


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--listen", "a b"), "10.0.0.1:7341"),
        (("--listen", "203.0.113.5"), "no address of this machine"),
        (("--listen", "no.such.name.invalid"), "knows no address of the name"),
        (("--host-name", "box"), "--listen"),
        (("--listen", "127.0.0.1", "--host-name", "a b"), "--host-name a b"),
        (("--slots", "many"), "--slots many"),
        (("--services", "many"), "--services many"),
        (("--queues", "a,,b"), "--queues"),
        (("--queues", "a b"), "'a b'"),
        (("--redis", "redis://:s3cret@localhost:1", "--listen", "127.0.0.1"), "port of its own"),
    ],
)
def test_what_can_not_be_is_refused_before_anything_starts(
    terminal: Terminal, options: tuple[str, ...], words: str
) -> None:
    done = terminal("up", *options)

    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert b"s3cret" not in done.stderr
    assert done.stdout == b""
    assert not (terminal.home / "data").exists()


def test_a_server_that_is_away_is_told_before_anything_starts(terminal: Terminal) -> None:
    done = terminal("up", "--redis", f"redis://:s3cret@127.0.0.1:{free_port()}")

    assert done.returncode == 5
    assert b"s3cret" not in done.stderr
    assert not list((terminal.home / "state").glob("*/up/wanted.json"))


def test_what_runs_here_can_be_ended_without_its_server(
    servers: Servers, terminal: Terminal
) -> None:
    socket_path = servers.socket("redis", name="away")
    terminal.environ["RQ_AGENT_REDIS_URL"] = f"unix://{socket_path}"
    told = up(terminal)
    socket_path.unlink()  # nobody finds it any more
    refused = terminal("down")

    assert refused.returncode == 5
    assert b"down --force" in refused.stderr
    assert runs(told["pid"])
    assert up(terminal)["pid"] == told["pid"]
    assert terminal.json("down", "--force")["up_stopped"]
    assert not any(runs(each["pid"]) for each in told["parts"])


def test_what_runs_here_can_be_ended_whatever_somebody_wrote(terminal: Terminal) -> None:
    told = up(terminal)
    with redis.Redis.from_url(ensure(terminal.home / "data")) as client:
        client.delete(keys.workers(keys.prefix("default")))
        client.set(keys.workers(keys.prefix("default")), "x")
    refused = terminal("down")

    assert refused.returncode == 5
    assert b"down --force" in refused.stderr
    assert terminal.json("down", "--force")["server_stopped"]
    assert not any(runs(each["pid"]) for each in told["parts"])


def test_a_server_that_asks_nobody_for_a_login_is_not_opened(
    servers: Servers, terminal: Terminal
) -> None:
    layout = Layout(terminal.home / "data")
    layout.folder.mkdir()
    older = Running(socket=str(servers.socket("valkey")), binary_stamp=binary.stamp(), user="")
    layout.running.write_bytes(msgspec.json.encode(older))

    done = terminal("up", "--listen", f"127.0.0.1:{free_port()}")

    assert done.returncode == 1
    assert b"asks nobody for a login" in done.stderr
    assert b"rq-agent down" in done.stderr
    layout.running.unlink()


def test_up_and_down_of_another_server_are_refused_with_what_to_name(terminal: Terminal) -> None:
    up(terminal)

    for command in ("up", "down"):
        done = terminal(command, "--namespace", "other")
        assert done.returncode == 2, done.stderr.decode()
        assert b"namespace default" in done.stderr
    assert len(terminal.workers()) == 1


def test_a_task_that_runs_outlives_the_server(terminal: Terminal) -> None:
    up(terminal)
    path = terminal.code / "go"
    script = terminal.script(
        f"""
        import pathlib, time
        print("begins", flush=True)
        while not pathlib.Path({str(path)!r}).exists():
            time.sleep(0.05)
        print("ends")
        """
    )
    task_id = terminal.text("submit", script).strip()
    until(lambda: "begins" in terminal.text("logs", task_id), "it runs")
    before = server_pid(terminal)
    kill(before)
    until(lambda: server_pid(terminal) not in (0, before), "the server is back")
    path.touch()

    assert terminal("wait", task_id, "--timeout", "30s").returncode == 0
    assert terminal.text("logs", task_id) == "begins\nends\n"
    assert terminal.json("show", task_id)["attempt"] == 1


def test_as_the_first_process_of_a_container_it_ends_and_collects_everything(
    terminal: Terminal,
) -> None:
    terminal.program = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", *PROGRAM)
    process = terminal.start("up", "--no-web", "--foreground", "--json")
    assert process.stdout is not None
    told = json.loads(process.stdout.readline())
    first = psutil.Process(process.pid).children()[0]
    server = next(each for each in first.children() if "valkey" in each.name())
    worker = next(each for each in first.children(recursive=True) if "work" in each.cmdline())
    server.kill()
    until(lambda: server.pid not in [each.pid for each in first.children()], "it is collected")
    first.terminate()
    process.communicate(timeout=LIMIT_S)

    assert told["pid"] == 1
    assert process.returncode == 0
    assert not worker.is_running()
