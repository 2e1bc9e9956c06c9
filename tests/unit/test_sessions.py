"""Sessions of a worker that die young, and the attempt that is stopped for it."""

from pathlib import Path

import msgspec
import pytest

from rq_agent.broker.errors import BrokerUnavailable, RqAgentError
from rq_agent.worker.process import boot_clock
from rq_agent.worker.process.journal import Attempt, WatchTerms
from rq_agent.worker.process.sessions import (
    MOST,
    YOUNG_S,
    counted,
    is_young,
    pardoned,
    poison,
    seen_by,
    session,
)


class Died(Exception):
    pass


def died_young(folder: Path) -> bool:
    with session(folder, []) as before:
        return before.is_one


def die(folder: Path, *left: Attempt) -> None:
    with pytest.raises(Died), session(folder, left):
        raise Died


def attempt(name: str, sessions: int = 0, started_s: float | None = 1.0) -> Attempt:
    return Attempt(
        task_id=name,
        fence=1,
        nonce="n",
        folder="/x",
        watch=None if started_s is None else WatchTerms(started_s=started_s),
        sessions=sessions,
    )


def test_a_session_that_ended_well_leaves_nothing(tmp_path: Path) -> None:
    assert not died_young(tmp_path)
    assert not died_young(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_session_that_died_is_known_to_the_next_one_only(tmp_path: Path) -> None:
    die(tmp_path)

    assert died_young(tmp_path)
    assert not died_young(tmp_path)


@pytest.mark.parametrize("error", [BrokerUnavailable("no answer"), RqAgentError("a name twice")])
def test_one_that_says_why_it_can_t_begin_killed_nobody(
    tmp_path: Path, error: RqAgentError
) -> None:
    """Redis away at each of many starts is no reason to stop a task."""
    with pytest.raises(RqAgentError), session(tmp_path, [attempt("a")]):
        raise error

    assert not died_young(tmp_path)


def test_one_of_another_boot_or_that_lived_for_long_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    die(tmp_path)
    written = (tmp_path / "session.json").read_bytes()
    other = msgspec.json.decode(written) | {"boot_id": "other"}
    (tmp_path / "session.json").write_bytes(msgspec.json.encode(other))
    assert not died_young(tmp_path)

    die(tmp_path)
    now_s = boot_clock.now_s()
    monkeypatch.setattr(boot_clock, "now_s", lambda: now_s + YOUNG_S)
    assert not died_young(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"boot_id": 1}'])
def test_a_damaged_file_counts_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "session.json").write_bytes(content)

    assert not died_young(tmp_path)


@pytest.mark.parametrize(("next_s", "young"), [(0, True), (599, True), (600, False), (-1, False)])
def test_what_is_young(next_s: float, young: bool) -> None:
    assert is_young(0, next_s) is young


def test_sessions_that_died_young_add_up_and_one_that_lived_takes_all_away() -> None:
    seen = [attempt("a", 4), attempt("b")]

    assert [a.sessions for a in counted(seen, died_young=True)] == [5, 1]
    assert [a.sessions for a in counted(seen, died_young=False)] == [0, 0]


def test_it_is_counted_at_how_many_deaths_a_task_ran(tmp_path: Path) -> None:
    a, b, unstarted = attempt("a"), attempt("b"), attempt("c", started_s=None)
    die(tmp_path)
    die(tmp_path, a, b, unstarted)
    die(tmp_path, a)

    with session(tmp_path, []) as before:
        assert (before.is_one, before.seen) == (True, {"a": 2, "b": 1})
    with session(tmp_path, [a]) as after:
        assert (after.is_one, after.seen) == (False, {})


def test_no_more_is_remembered_than_is_needed() -> None:
    known = {f"t{n}": 1 for n in range(2_000)} | {"often": 3}

    assert len(seen_by(known, [])) == 1_000
    assert seen_by(known, [attempt("often")])["often"] == 4


def test_the_youngest_of_those_that_saw_most_is_stopped_and_no_other() -> None:
    old, young = attempt("old", MOST, 1.0), attempt("young", MOST, 2.0)
    innocent, unstarted = attempt("innocent", MOST - 1, 3.0), attempt("unstarted", MOST, None)

    assert poison([old, young, innocent, unstarted], {}) is young
    assert poison([old, young], {"old": 7, "young": 6}) is old
    assert poison([innocent, unstarted], {}) is None
    assert poison([], {}) is None
    assert [a.sessions for a in pardoned([old, young, innocent], young)] == [0, MOST, 0]


@pytest.mark.parametrize("poison_is_older", [True, False])
def test_in_the_end_it_is_the_one_that_kills_and_the_other_is_charged_twice_at_most(
    poison_is_older: bool,
) -> None:
    """Two tasks, one kills its worker in each session; what is stopped comes back after a while."""
    names = ("killer", "innocent") if poison_is_older else ("innocent", "killer")
    lost = dict.fromkeys(names, 0)
    back_at = dict.fromkeys(names, 0)
    running: dict[str, Attempt] = {}
    seen: dict[str, int] = {}
    for round_ in range(100):
        for age, name in enumerate(names):
            if name not in running and back_at[name] <= round_:
                running[name] = attempt(name, 0, 10.0 * round_ + age)
        if "killer" not in running:
            continue  # nobody dies
        left = counted(list(running.values()), died_young=True)
        seen = seen_by(seen, left)
        if culprit := poison(left, seen):
            left = [a for a in pardoned(left, culprit) if a is not culprit]
            lost[culprit.task_id] += 1
            back_at[culprit.task_id] = round_ + (1 if lost[culprit.task_id] == 1 else 5)
        running = {a.task_id: a for a in left}
        if lost["killer"] > 3:
            break

    assert lost["killer"] == 4
    assert lost["innocent"] <= 2
