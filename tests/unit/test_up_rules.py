"""The rules of `up`: what runs, when it is started again, where it listens."""

import os
from pathlib import Path

import msgspec
import psutil
import pytest

from rq_agent import __version__
from rq_agent.broker.errors import UsageError
from rq_agent.cli.doctor import up_check
from rq_agent.cli.upkeep import listening, logs, pacing, processes, settled
from rq_agent.cli.upkeep.place import PartState, Place, UpState, read_state, write
from rq_agent.cli.upkeep.processes import Process
from rq_agent.cli.upkeep.supervisor import Supervisor
from rq_agent.cli.upkeep.wanted import Wanted, parts, same, worker_names

WANTED = Wanted(namespace="lab", worker_name="box", services="0", web=False)
HERE = Process(pid=1, started_ticks=1, boot_id="b")


def test_a_process_that_keeps_dying_is_started_ever_later_and_each_minute_at_last() -> None:
    lives = 0
    pauses = []
    for _ in range(6):
        lives = pacing.short_lives(lives, lived_s=1)
        pauses.append(pacing.pause_s(lives))

    assert pauses == [0.25, 0.5, 1, 2, 60, 60]
    assert pacing.pause_s(pacing.short_lives(lives, lived_s=3600)) == 0.25


def test_only_what_is_wanted_runs() -> None:
    bare = Wanted(namespace="lab", worker=False, scheduler=False, web=False)
    open_to_others = msgspec.structs.replace(WANTED, listen="10.0.0.1:7341")

    assert parts(bare) == []
    assert [part.name for part in parts(WANTED)] == ["worker", "scheduler"]
    assert [part.name for part in parts(open_to_others)][2:] == ["registrar", "relay"]
    assert "box" in parts(WANTED)[0].arguments


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        (Wanted(namespace="lab"), "100"),
        (Wanted(namespace="lab", services="7"), "7"),
        (Wanted(namespace="lab", services="0"), None),
        (Wanted(namespace="lab", worker=False), None),
        (Wanted(namespace="lab", worker=False, services="7"), "7"),
    ],
)
def test_a_second_worker_for_light_tasks_runs_beside_the_first_unless_told_otherwise(
    asked: Wanted, count: str | None
) -> None:
    named = msgspec.structs.replace(asked, worker_name="box", services_name="box-services")
    found = {part.name: " ".join(part.arguments) for part in parts(named)}

    assert ("worker" in found, "services" in found) == (asked.worker, count is not None)
    if count:
        assert f"--services {count} --slots 0 --gpus none" in found["services"]
    assert ("box" in worker_names(named), "box-services" in worker_names(named)) == (
        asked.worker,
        count is not None,
    )


def test_who_asks_for_the_same_again_is_told_apart_from_who_asks_for_more() -> None:
    assert same(WANTED, msgspec.structs.replace(WANTED, serial=7))
    assert not same(WANTED, msgspec.structs.replace(WANTED, slots="2"))


def state(*found: PartState, wanted: Wanted = WANTED, **more: str) -> UpState:
    fields = {"version": __version__, **more}
    return UpState(process=HERE, wanted=wanted, parts=found, **fields)  # type: ignore[arg-type]


def part(number: int, how: str = "running", *, since_s: float = 0.0) -> PartState:
    wanted = parts(WANTED)[number]
    fields = {"name": wanted.name, "arguments": wanted.arguments, "since_s": since_s}
    return PartState(state=how, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "is_settled"),
    [
        (state(part(0), part(1)), True),
        (state(part(0), part(1, "failing")), True),
        (state(part(0)), False),
        (state(part(0), part(1, "starting")), False),
        (state(part(0), part(1), wanted=msgspec.structs.replace(WANTED, serial=1)), False),
        (state(part(0, "stopping", since_s=99), part(1)), False),
        (state(part(0, "stopping", since_s=9), part(1)), True),
        (state(part(0), part(1, "stopping", since_s=9)), False),
    ],
)
def test_up_waits_for_all_but_a_worker_that_finishes_its_tasks(
    told: UpState, is_settled: bool
) -> None:
    assert settled.is_settled(told, WANTED, now_s=100) is is_settled


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("10.0.0.1", ("10.0.0.1", 7341)),
        ("10.0.0.1:80", ("10.0.0.1", 80)),
        ("box.lan:7000", ("box.lan", 7000)),
        ("fd00::1", ("fd00::1", 7341)),
        ("[fd00::1]:80", ("fd00::1", 80)),
        ("[::]", ("::", 7341)),
    ],
)
def test_an_address_may_have_a_port(text: str, found: tuple[str, int]) -> None:
    endpoint = listening.parse(text)

    assert endpoint == found
    assert listening.parse(str(endpoint)) == found


@pytest.mark.parametrize("text", ["", ":80", "a:", "a:0", "a:65536", "a b", "1:2:3", "redis://a"])
def test_what_is_no_address_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"--listen.*10\.0\.0\.1:7341"):
        listening.parse(text)


def test_links_name_an_address_that_others_reach() -> None:
    found = listening.reachable(
        {
            "lo": ["127.0.0.1", "::1"],
            "docker0": ["172.17.0.1"],
            "veth12": ["10.9.0.1"],
            "eth0": ["fe80::1%eth0", "192.168.1.5", "fd00::5"],
            "wlan0": ["169.254.3.3", "10.0.0.7"],
        },
        is_v6_too=True,
    )

    assert found == ["192.168.1.5", "10.0.0.7", "fd00::5"]


def test_a_place_that_a_person_gave_stands_in_links() -> None:
    everywhere = listening.Endpoint("0.0.0.0", 80)

    assert listening.link_place(everywhere, "box.example") == (("box.example", 80), ())
    assert listening.link_place(everywhere, "box.example:9000") == (("box.example", 9000), ())
    assert listening.link_place(listening.Endpoint("10.0.0.1", 80), "") == (("10.0.0.1", 80), ())


def test_a_log_that_grew_long_is_moved_aside_under_its_writer(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with log.open("a") as writer:
        writer.write("old\n" * 100)
        writer.flush()
        turned = logs.turn(log, largest_bytes=100)
        writer.write("new\n")

    assert turned
    assert log.read_text() == "new\n"
    assert (tmp_path / "worker.log.1").read_text() == "old\n" * 100
    assert (tmp_path / "worker.log.1").stat().st_mode & 0o077 == 0
    assert not logs.turn(log, largest_bytes=100)


def test_only_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    log.write_text("before\n" + "x" * 10_000 + "\nlast: ready\n")

    assert logs.since(log, 0).endswith("last: ready")
    assert len(logs.since(log, 0)) < 5_000
    assert logs.since(log, 10_008) == "last: ready"


@pytest.mark.parametrize(
    ("text", "is_ready"),
    [
        ("worker box: queues default: ready", True),
        ("12:00:00 hello\nworker box: ready, but paused by ada\n", True),
        ("ready: not yet", False),
        ("worker box: readying", False),
        ("", False),
    ],
)
def test_a_process_is_ready_when_it_says_so(text: str, is_ready: bool) -> None:
    assert logs.says_ready(text) is is_ready


@pytest.mark.parametrize(
    ("told", "is_alive", "verdict", "words"),
    [
        (None, False, "ok", "does not run"),
        (state(part(0), part(1)), True, "ok", "worker, scheduler, pid 1"),
        (state(part(0)), False, "warn", "without `down`"),
        (state(part(0), part(1, "failing")), True, "warn", "the scheduler"),
        (state(part(0), version="0.0.1"), True, "warn", "version 0.0.1"),
        (state(part(0), server_problem="disk full"), True, "warn", "disk full"),
    ],
)
def test_doctor_tells_how_it_stands(
    told: UpState | None, is_alive: bool, verdict: str, words: str
) -> None:
    found = up_check.judged(told, is_alive=is_alive)

    assert found.verdict == verdict
    assert words in found.words
    assert bool(found.todo) is (verdict == "warn")


def test_only_strays_that_ended_are_collected() -> None:
    others = [child.pid for child in psutil.Process().children()]
    kept, stray = (os.posix_spawn("/bin/true", ["true"], {}) for _ in range(2))
    for pid in (kept, stray):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)

    processes.reap_strays([*others, kept])

    assert not psutil.pid_exists(stray)
    assert os.waitpid(kept, 0)[0] == kept


async def test_who_dies_of_a_bug_leaves_behind_what_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    supervisor = Supervisor(place, WANTED, tmp_path / "data", {}, foreground=False)
    left = state(part(0))

    async def dies() -> None:
        write(place.state, left)
        raise ZeroDivisionError

    monkeypatch.setattr(supervisor, "_run", dies)
    with pytest.raises(ZeroDivisionError):
        await supervisor.run()

    assert read_state(place) == left
