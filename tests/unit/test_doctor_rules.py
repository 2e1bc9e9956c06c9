"""What `doctor` thinks of what it finds. Pure rules, so tables."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from rq_agent.broker.presence import WorkerView
from rq_agent.broker.queues import QueueView
from rq_agent.broker.replacement import Holdings, Replacement
from rq_agent.broker.server_checks import Check, Verdict, unknown, warn
from rq_agent.cli.doctor import fleet_rules, machine_rules, server_rules
from rq_agent.cli.doctor.finding import Finding
from rq_agent.cli.doctor.loss_rules import loss

GIB = 1024**3
AOF = Check(name="appendonly", verdict=Verdict.OK)


def seen(finding: Finding) -> tuple[str, bool]:
    """Return its verdict, and whether it says what to do."""
    return str(finding.verdict), bool(finding.todo)


@pytest.mark.parametrize(("ms", "verdict"), [(0.2, "ok"), (100, "ok"), (101, "warn")])
def test_a_far_server_is_warned_of(ms: float, verdict: str) -> None:
    assert server_rules.reach("valkey", ms).verdict == verdict


@pytest.mark.parametrize(
    ("ahead_ms", "round_trip_ms", "verdict", "words"),
    [
        (0, 1, "ok", "agrees"),
        (-900, 1, "ok", "agrees"),
        (1_100, 400, "ok", "agrees"),
        (3_000, 1, "warn", "3.0 s behind the server's"),
        (-3_000, 1, "warn", "3.0 s ahead of the server's"),
        (59_000, 1, "warn", "59.0 s behind"),
        (61_000, 1, "fail", "61.0 s behind"),
    ],
)
def test_clocks_that_differ_by_more_than_was_measured_are_told(
    ahead_ms: float, round_trip_ms: float, verdict: str, words: str
) -> None:
    found = server_rules.clock(ahead_ms, round_trip_ms)

    assert (found.verdict, words in found.words) == (verdict, True)
    assert bool(found.todo) == (verdict != "ok")


@pytest.mark.parametrize(
    ("checks", "saves", "expected"),
    [
        ([AOF], True, ("ok", False)),
        ([AOF], False, ("fail", True)),
        (
            [warn("appendonly", "keeps no append-only file: lost; CONFIG SET x")],
            True,
            ("warn", True),
        ),
        ([warn("appendonly", "the server can't write its append-only file")], True, ("fail", True)),
        ([unknown("appendonly", "INFO does not say it")], True, ("ok", False)),
        ([], True, ("ok", False)),
    ],
)
def test_persistence(checks: list[Check], saves: bool, expected: tuple[str, bool]) -> None:
    assert seen(server_rules.persistence(checks, saves=saves)) == expected


@pytest.mark.parametrize(
    ("used", "limit", "expected"),
    [
        (1, 0, ("warn", True)),
        (1, 10, ("ok", False)),
        (8, 10, ("warn", True)),
        (9.5, 10, ("fail", True)),
        (11, 10, ("fail", True)),
    ],
)
def test_a_server_that_fills_up_is_told_before_it_is_full(
    used: float, limit: float, expected: tuple[str, bool]
) -> None:
    found = server_rules.memory(int(used * GIB), int(limit * GIB), "noeviction")

    assert seen(found) == expected


def test_settings_that_are_wrong_get_a_line_each_and_the_others_one() -> None:
    refused = "CONFIG GET is not allowed here"
    checks = [
        AOF,
        Check(name="timeout", verdict=Verdict.OK),
        Check(name="tcp-keepalive", verdict=Verdict.OK),
        warn("appendfsync", "half a minute is lost; CONFIG SET appendfsync everysec"),
        unknown("version", "has a hole unless mended"),
        unknown("maxmemory-clients", refused),
        unknown("min-replicas-to-write", refused),
    ]

    found = [(f.name, *seen(f), f.words) for f in server_rules.settings(checks)]

    assert found == [
        ("appendfsync", "warn", True, "half a minute is lost"),
        ("version", "ok", False, "not checked: has a hole unless mended"),
        ("settings", "ok", False, f"not checked: {refused}"),
        ("settings", "ok", False, "2 looked at are as they should be"),
    ]


def worker(name: str, version: str = "1.0", running: tuple[str, ...] = ()) -> Any:
    fields = {"name": name, "version": version, "running": running}
    return msgspec.defstruct("W", [(key, Any) for key in fields])(**fields)


def queue(name: str, waiting: int, *workers: str, paused: bool = False) -> Any:
    fields = {"name": name, "waiting": waiting, "workers": workers, "paused": paused}
    return msgspec.defstruct("Q", [(key, Any) for key in fields])(**fields)


def test_the_fakes_above_have_fields_of_the_real_ones() -> None:
    assert {"name", "version", "running"} <= set(WorkerView.__struct_fields__)
    assert {"name", "waiting", "workers", "paused"} <= set(QueueView.__struct_fields__)


def test_workers_are_counted_and_other_versions_named() -> None:
    found = fleet_rules.workers([worker("a", running=("t",)), worker("b", "0.9")], "1.0")

    assert [(f.name, f.verdict) for f in found] == [("workers", "ok"), ("versions", "warn")]
    assert "2 there, 1 at work: a, b" in found[0].words
    assert "b (0.9)" in found[1].words
    assert [f.verdict for f in fleet_rules.workers([worker("a")], "1.0")] == ["ok", "ok"]


def test_no_worker_at_all_is_told_with_the_way_to_one() -> None:
    [found] = fleet_rules.workers([], "1.0")

    assert (found.verdict, "rq-agent work" in found.todo) == ("warn", True)


def test_a_queue_whose_tasks_nobody_takes_is_told() -> None:
    queues = [queue("a", 2), queue("b", 0), queue("c", 1, "w"), queue("d", 1, paused=True)]

    found = fleet_rules.queues(queues, ())

    assert [(f.name, *seen(f)) for f in found] == [("queue a", "warn", True)]
    assert found[0].todo == "start one: rq-agent work --queues a"
    assert [f.verdict for f in fleet_rules.queues(queues[1:], ())] == ["ok"]


def test_light_tasks_that_nobody_takes_are_told_with_the_worker_that_would() -> None:
    [found] = fleet_rules.queues([queue("a", 2)], {"a"})

    assert found.todo == "start one: rq-agent work --services 100 --queues a"


def schedule(next_at: float | None, *, paused: bool = False) -> Any:
    fields = {"name": "s", "next_at": next_at, "paused": paused}
    return msgspec.defstruct("S", [(key, Any) for key in fields])(**fields)


@pytest.mark.parametrize(
    ("schedules", "verdict"),
    [
        ([], "ok"),
        ([schedule(990.0)], "ok"),
        ([schedule(2_000.0)], "ok"),
        ([schedule(900.0)], "warn"),
        ([schedule(900.0, paused=True)], "ok"),
        ([schedule(None)], "ok"),
    ],
)
def test_overdue_schedules_tell_that_no_scheduler_runs(schedules: list[Any], verdict: str) -> None:
    assert fleet_rules.schedules(schedules, 1_000.0).verdict == verdict


@pytest.mark.parametrize(
    ("free_gib", "inodes", "all_inodes", "verdict"),
    [
        (100, 10**6, 10**7, "ok"),
        (100, 0, 0, "ok"),
        (9, 10**6, 10**7, "warn"),
        (100, 50_000, 10**7, "warn"),
        (0.5, 10**6, 10**7, "fail"),
        (100, 5_000, 10**7, "fail"),
    ],
)
def test_disks(free_gib: float, inodes: int, all_inodes: int, verdict: str) -> None:
    found = machine_rules.disk("disk", Path("/x"), int(free_gib * GIB), inodes, all_inodes)

    assert seen(found) == (verdict, verdict != "ok")


@pytest.mark.parametrize(
    ("is_shared", "is_embedded", "verdict"),
    [(False, True, "ok"), (True, True, "fail"), (True, False, "warn")],
)
def test_a_home_on_a_network(is_shared: bool, is_embedded: bool, verdict: str) -> None:
    found = machine_rules.file_system("nfs4", is_shared=is_shared, is_embedded=is_embedded)

    assert seen(found) == (verdict, verdict != "ok")


@pytest.mark.parametrize(
    ("version", "verdict"),
    [((2, 39, 5), "ok"), ((2, 25), "ok"), ((2, 24, 9), "fail"), (None, "fail")],
)
def test_git(version: tuple[int, ...] | None, verdict: str) -> None:
    assert seen(machine_rules.git(version)) == (verdict, verdict != "ok")


@pytest.mark.parametrize(
    ("count", "problem", "verdict", "words"),
    [
        (2, "", "ok", "2 with driver 550"),
        (None, "", "ok", "no NVIDIA driver"),
        (None, "Driver/library version mismatch", "warn", "version mismatch"),
    ],
)
def test_gpus(count: int | None, problem: str, verdict: str, words: str) -> None:
    found = machine_rules.gpus(count, "550", problem)

    assert (found.verdict, words in found.words) == (verdict, True)


@pytest.mark.parametrize(
    ("version", "problem", "is_refused", "expected"),
    [
        ("28.1", "", False, ("ok", False)),
        ("", "", False, ("ok", False)),
        ("", "cannot connect", False, ("warn", True)),
        ("", "permission denied", True, ("warn", True)),
    ],
)
def test_docker(version: str, problem: str, is_refused: bool, expected: tuple[str, bool]) -> None:
    assert seen(machine_rules.docker(version, problem, is_refused=is_refused)) == expected


@pytest.mark.parametrize(
    ("has_systemd", "is_root", "lingers", "kills", "verdict"),
    [
        (False, False, False, True, "ok"),
        (True, True, False, True, "ok"),
        (True, False, True, True, "ok"),
        (True, False, False, False, "ok"),
        (True, False, False, True, "warn"),
    ],
)
def test_what_a_logout_ends(
    has_systemd: bool, is_root: bool, lingers: bool, kills: bool, verdict: str
) -> None:
    found = machine_rules.lingering(
        has_systemd=has_systemd, is_root=is_root, lingers=lingers, kills=kills
    )

    assert found.verdict == verdict


@pytest.mark.parametrize(
    ("data", "temporary", "verdict"),
    [
        ("/home/ada/.local/share/rq-agent", "/tmp/rq-agent-1000", "ok"),
        ("/" + "x" * 98, "/tmp/rq-agent-1000", "ok"),
        ("/" + "x" * 98, "/" + "y" * 90, "fail"),
    ],
)
def test_paths_of_sockets(data: str, temporary: str, verdict: str) -> None:
    found = machine_rules.sockets(Path(data), Path(temporary))

    assert seen(found) == (verdict, verdict != "ok")


@pytest.mark.parametrize(
    ("before", "recreated", "words"),
    [
        (Holdings(queued=3, schedules=1), 0, "lost: 3 queued, 1 schedules (as counted 10.0s"),
        (
            Holdings(running=3),
            2,
            "lost: 1 running; 2 tasks were made anew by workers that had them",
        ),
        (Holdings(), 0, "another server, or its data went; nothing else was there before"),
    ],
)
def test_what_was_lost_with_a_server_is_counted(
    before: Holdings, recreated: int, words: str
) -> None:
    found = Replacement(at_ms=50_000, known_ms=40_000, before=before, recreated=recreated)

    [finding] = loss(found, 110.0)

    assert finding.words.startswith("since 1m 00s this is another server")
    assert words in finding.words


def test_what_was_lost_long_ago_is_told_no_more() -> None:
    found = Replacement(at_ms=50_000, known_ms=40_000, before=Holdings(queued=1), recreated=0)

    assert loss(found, 50 + 8 * 86_400.0) == loss(None, 0.0) == []
