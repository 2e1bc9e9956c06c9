"""Why a task waits, in words: from facts to reasons."""

from typing import Any

import pytest

from rq_agent.broker.history import Step
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need
from rq_agent.broker.presence import WorkerView, view
from rq_agent.broker.why import Why, explain
from rq_agent.broker.why_facts import Facts, Listener, ParentFact

A, B, C, D = (TaskId(letter * 16) for letter in "abcd")
NOW = 1_800_000_000_000


def worker(name: str = "box", queues: str = '["q"]', **facts: str) -> WorkerView:
    told = {"queues": queues, "slots": "4"} | facts
    raw = {field.encode(): value.encode() for field, value in told.items()}
    return view(name, raw, (), expires_ms=NOW, now_ms=NOW)


def listener(*, running: int = 0, waits: bool = False, rests: str = "", **facts: str) -> Listener:
    return Listener(worker(**facts), running, waits, rests)


def why(state: str = "queued", **facts: Any) -> Why:
    given: dict[str, Any] = {"id": D, "now_ms": NOW, "state": state, "queue": "q"}
    able: dict[str, Any] = {"workers": 1, "listeners": (listener(),)}
    return explain(Facts(**(given | able | facts)))


def codes(found: Why) -> list[str]:
    return [reason.code for reason in found.reasons]


PARENTS = (ParentFact(A, "ok", "running"), ParentFact(B, "any", ""), ParentFact(C, "fail", "draft"))
FULL = {"key": "k", "key_limit": 2, "key_has_room": False, "key_holders": 2, "holders": (A, B)}
BUSY = (listener(running=4, waits=False, name="one"), listener(running=1, name="two"))
SOON = NOW + 90_000
LATER = NOW + 3 * 3_600_000
DRAINING = (listener(waits=True, rests="draining"),)
PAUSED = (listener(rests="paused"),)
OFF = (listener(rests="off-hours", until_ms=str(LATER)),)

CASES: list[tuple[str, dict[str, Any], list[str], str]] = [
    ("succeeded", {}, ["final"], "it ended: succeeded"),
    ("timed_out", {"reason": "after 5 s"}, ["final"], "it ended: timed out: after 5 s"),
    (
        "dead",
        {
            "losses": (
                Step(at=5.0, event="lost", detail="w1"),
                Step(at=9.0, event="lost", detail=""),
            )
        },
        ["final", "lost"],
        "it ended: dead",
    ),
    (
        "running",
        {"worker": "box", "started_ms": NOW - 7_000, "lease_ms": SOON, "phase": "environment"},
        ["running"],
        "it does not wait: it has run on box for 7 s (environment)",
    ),
    (
        "running",
        {"worker": "box", "lease_ms": SOON, "hanging_ms": NOW - 1_860_000},
        ["running", "hanging"],
        "it does not wait: it has run on box",
    ),
    (
        "running",
        {"worker": "box", "lease_ms": NOW - 1, "is_cancelled": True},
        ["running", "stopping", "silent"],
        "it does not wait: it has run on box",
    ),
    ("draft", {"is_paused": True}, ["draft"], "it is a draft"),
    ("zzz", {}, ["unknown-state"], "its record says 'zzz', which is no state of ours"),
    (
        "waiting",
        {"unmet": 1, "parents": PARENTS[:1]},
        ["parents"],
        f"it waits for 1 task: {A} (running)",
    ),
    (
        "waiting",
        {"unmet": 9, "parents": PARENTS, "due_ms": SOON, "is_paused": True},
        ["parents", "delayed", "paused"],
        f"it waits for 9 tasks: {A} (running), {B} (gone, to end), {C} (draft, to fail) and 6 more",
    ),
    ("waiting", {}, ["parents-met"], "all its parents ended: it goes on at once"),
    (
        "delayed",
        {"due_ms": SOON},
        ["delayed"],
        "it is delayed: due in 90 s (2027-01-15 08:01:30 UTC)",
    ),
    (
        "delayed",
        {"due_ms": NOW + 10 * 86_400_000, "attempt": 2},
        ["delayed"],
        "it is delayed, before attempt 2: due in 10 days (2027-01-25 08:00:00 UTC)",
    ),
    (
        "delayed",
        {"due_ms": NOW, "lost": 1, "workers": 0, "listeners": ()},
        ["due", "no-worker"],
        (
            "its time has come, after its worker was lost once;"
            " it gets into line within a second of a live worker"
        ),
    ),
    (
        "delayed",
        {"due_ms": None},
        ["not-placed"],
        "its record says that it is delayed, but no time is kept for it: somebody changed Redis",
    ),
    (
        "blocked",
        FULL | {"parked_ahead": 3},
        ["key-full"],
        f"its concurrency key 'k' lets 2 run at a time: now {A}, {B}; 3 more wait before it",
    ),
    (
        "blocked",
        {"key": "k", "parked_ahead": 0},
        ["key-free"],
        "its concurrency key 'k' is free again: it comes back",
    ),
    (
        "queued",
        {"is_placed": False},
        ["not-placed"],
        "its record says that it is queued, but it stands in no line: somebody changed Redis",
    ),
    (
        "queued",
        FULL | {"is_paused": True, "has_room": False, "ahead": 1, "next": (A,)},
        ["key-full", "paused", "position"],
        f"its concurrency key 'k' lets 2 run at a time: now {A}, {B}",
    ),
    ("queued", {"is_paused": True}, ["paused", "position"], "queue q is paused"),
    (
        "queued",
        {"has_room": False, "running": 3, "max_running": 3},
        ["queue-full", "position"],
        "queue q runs 3 tasks and may run 3",
    ),
    (
        "queued",
        {"held_until_ms": NOW + 8_000},
        ["held", "position"],
        (
            "Redis has restarted: no claims until its workers have said what they run,"
            " in 8 s (2027-01-15 08:00:08 UTC)"
        ),
    ),
    ("queued", {"workers": 0, "listeners": ()}, ["no-worker", "position"], "no worker runs"),
    (
        "queued",
        {"workers": 3, "listeners": (), "others": (worker("a", '["x","y"]'), worker("b", "[]"))},
        ["no-listener", "position"],
        "no worker takes from queue q; there are a (x, y), b () and 1 more",
    ),
    (
        "queued",
        {"need": Need(gpus=2), "listeners": (listener(gpus='["0"]'), listener())},
        ["no-fit", "position"],
        "it fits no worker of queue q: it needs 2 GPUs, the largest has 1",
    ),
    (
        "queued",
        {"need": Need(cpus=8, mem_mib=9_000), "listeners": (listener(cpus="4", mem_mib="8000"),)},
        ["no-fit", "position"],
        (
            "it fits no worker of queue q: it needs 8 CPUs, the largest has 4;"
            " it needs 9000 MiB of memory, the largest has 8000"
        ),
    ),
    (
        "queued",
        {
            "need": Need(gpus=1, cpus=4),
            "listeners": (listener(gpus='["0"]', cpus="1"), listener(cpus="64")),
        },
        ["no-fit", "position"],
        "it fits no worker of queue q: each has a part of what it needs, none has all of it",
    ),
    (
        "queued",
        {"listeners": (listener(slots="0"),)},
        ["no-fit", "position"],
        "it fits no worker of queue q: they have no slot for tasks without a GPU",
    ),
    (
        "queued",
        {"need": None},
        ["need-unreadable", "position"],
        (
            "what it needs can't be read, so no worker takes it: a newer version wrote it,"
            " or somebody changed Redis"
        ),
    ),
    (
        "queued",
        {"listeners": DRAINING},
        ["draining", "position"],
        "the workers that it fits are draining: box",
    ),
    (
        "queued",
        {"listeners": PAUSED},
        ["worker-paused", "position"],
        "the workers that it fits are paused: box",
    ),
    (
        "queued",
        {"listeners": OFF},
        ["off-hours", "position"],
        "the workers that it fits are off hours: box until Fri 11:00 UTC (in 3 hours)",
    ),
    (
        "queued",
        {"listeners": (*OFF, *PAUSED, listener(rests="draining"), listener(rests="draining"))},
        ["resting", "position"],
        (
            "the workers that it fits take nothing now: box until Fri 11:00 UTC (in 3 hours) "
            "(off-hours), box (paused), box (draining) and 1 more"
        ),
    ),
    ("queued", {"listeners": (*OFF, listener())}, ["position"], "it is the next one of queue q"),
    (
        "queued",
        {"listeners": BUSY},
        ["busy", "position"],
        "the workers that it fits are busy: one (4 tasks, 4 slots), two (1 task, 4 slots)",
    ),
    (
        "queued",
        {"listeners": (*BUSY, listener(running=1, waits=True)), "ahead": 9, "next": (A, B, C)},
        ["position"],
        f"it is number 10 of queue q, behind {A}, {B}, {C} and 6 more",
    ),
    (
        "queued",
        {"listeners": (listener(waits=True),), "expires_ms": SOON},
        ["next", "expires"],
        "it is the next one, and a worker is about to take it",
    ),
    ("queued", {}, ["position"], "it is the next one of queue q"),
]


@pytest.mark.parametrize(("state", "facts", "expected", "first"), CASES)
def test_the_most_important_reason_is_told_first_and_in_words(
    state: str, facts: dict[str, Any], expected: list[str], first: str
) -> None:
    found = why(state, **facts)

    assert codes(found) == expected
    assert found.reasons[0].text == first


@pytest.mark.parametrize("state", ["waiting", "delayed", "blocked"])
def test_what_would_hold_it_back_next_is_told_too(state: str) -> None:
    found = why(state, due_ms=SOON, is_paused=True, has_room=False, workers=0, listeners=())

    assert codes(found)[1:] == ["paused", "no-worker"]


def test_a_place_is_told_only_of_what_stands_in_line() -> None:
    assert why(ahead=4).position == 5
    assert why("delayed", due_ms=SOON).position is None
    assert why(is_placed=False).position is None


def test_a_hint_says_what_to_type() -> None:
    def hint(**facts: Any) -> str:
        return why(**facts).reasons[0].hint

    assert hint(is_paused=True) == "rq-agent queue resume q"
    assert hint(state="draft") == f"rq-agent enqueue {D}"
    assert hint(is_placed=False).startswith(f"rq-agent cancel {D}")
    assert hint(has_room=False, max_running=2).endswith("rq-agent queue limit q N")
    assert hint(listeners=DRAINING).startswith("rq-agent worker undrain box")
    assert hint(listeners=OFF).startswith("rq-agent worker resume box --for 2h")
    assert hint(listeners=PAUSED) == "rq-agent worker resume box"
    assert hint(workers=0, listeners=()) == "rq-agent work --queues q"
    parents = why("waiting", unmet=1, parents=PARENTS[:1])
    assert parents.reasons[0].hint.endswith(f"rq-agent why {A}")


LIGHT = Need(light=True)
START = "rq-agent work --services 100 --queues q"


@pytest.mark.parametrize(
    ("facts", "code", "text", "hint"),
    [
        ({"workers": 0, "listeners": ()}, "no-worker", "no worker runs", START),
        (
            {"listeners": (), "others": (worker("box", '["low"]'),)},
            "no-listener",
            "no worker with --services takes from queue q; there are box (low)",
            START,
        ),
        (
            {},
            "no-services",
            "it is a light task, and no worker of queue q runs such: box started without --services",
            START,
        ),
        (
            {"listeners": (listener(running=9, services="9"),)},
            "busy",
            "the workers that it fits are busy: box (9 tasks, 9 service slots)",
            "",
        ),
        (
            {"listeners": (listener(running=8, services="9"),)},
            "position",
            "it is the next one of queue q",
            "",
        ),
    ],
)
def test_a_light_task_waits_for_a_worker_in_services_mode(
    facts: dict[str, Any], code: str, text: str, hint: str
) -> None:
    found = why(need=LIGHT, **facts).reasons[0]

    assert (found.code, found.text, found.hint) == (code, text, hint)


def test_an_ordinary_task_is_told_that_only_light_ones_run() -> None:
    found = why(listeners=(listener(slots="0", services="9"),))

    assert "they run light tasks only, those of submit --service" in found.reasons[0].text


def test_a_worker_that_does_not_tell_what_it_has_counts_as_large_enough() -> None:
    silent = Listener(view("old", {b"queues": b'["q"]'}, (), expires_ms=NOW, now_ms=NOW), 0, False)

    assert codes(why(need=Need(cpus=512, mem_mib=10**6), listeners=(silent,))) == ["position"]


@pytest.mark.parametrize("state", ["failed", "errored", "timed_out", "succeeded", "cancelled"])
def test_where_a_task_went_wrong_its_log_is_pointed_to(state: str) -> None:
    [reason] = why(state).reasons

    assert bool(reason.hint) is (state in ("failed", "errored", "timed_out"))


def test_one_that_is_dead_tells_who_lost_it_and_when() -> None:
    steps = tuple(Step(at=float(n), event="lost", detail=f"w{n}") for n in range(10))

    _, lost = why("dead", losses=steps).reasons

    assert "by w2 (1970-01-01 00:00:02 UTC), by w3" in lost.text
    assert "by w9 (1970-01-01 00:00:09 UTC): it kills" in lost.text
    assert "w1 " not in lost.text
    assert f"rq-agent rerun {D}" in lost.hint
