"""Sessions of a worker that die young, and the attempt that is stopped for it."""

from pathlib import Path

import msgspec
import pytest

from rq_agent.worker.process import boot_clock
from rq_agent.worker.process.journal import Attempt, WatchTerms
from rq_agent.worker.process.sessions import MOST, YOUNG_S, counted, is_young, poison, session


class Died(Exception):
    pass


def died_young(folder: Path) -> bool:
    with session(folder) as before:
        return before


def die(folder: Path) -> None:
    with pytest.raises(Died), session(folder):
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


def test_the_youngest_of_those_that_saw_most_is_stopped_and_no_other() -> None:
    old, young = attempt("old", MOST, 1.0), attempt("young", MOST, 2.0)
    innocent, unstarted = attempt("innocent", MOST - 1, 3.0), attempt("unstarted", MOST, None)

    assert poison([old, young, innocent, unstarted]) is young
    assert poison([innocent, unstarted]) is None
    assert poison([]) is None
