import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rq_agent.broker.errors import RqAgentError
from rq_agent.worker.process import journal as journal_module
from rq_agent.worker.process.handle import Handle
from rq_agent.worker.process.journal import Attempt, Journal

HOLD = """
import sys, time
from pathlib import Path
from rq_agent.worker.process.journal import Journal
with Journal(Path(sys.argv[1]), worker="w1"):
    print("held", flush=True)
    sys.stdin.read()
"""


def attempt(task_id: str, fence: int = 1) -> Attempt:
    return Attempt(
        task_id=task_id, fence=fence, nonce="n", folder=f"/run/{task_id}", claim={"queue": "high"}
    )


def handle(task_id: str, fence: int = 1) -> Handle:
    return Handle(
        pid=7, started_ticks=8, boot_id="b", folder=f"/run/{task_id}", task_id=task_id, fence=fence
    )


@pytest.fixture
def other_session(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    yield holder
    holder.kill()
    holder.communicate()


async def test_the_next_session_finds_what_was_claimed_and_not_ended(tmp_path: Path) -> None:
    with Journal(tmp_path, worker="w1") as journal:
        await journal.claimed([attempt("a"), attempt("b"), attempt("c")])
        await journal.started(handle("b"))
        await journal.started(handle("a"))
        await journal.ended("a", 1)

    with Journal(tmp_path, worker="w1") as journal:
        found = journal.open_attempts()

    assert [(a.task_id, a.handle) for a in found] == [("b", handle("b")), ("c", None)]
    assert found[0].claim == {"queue": "high"}


async def test_two_claims_of_one_task_are_two_attempts(tmp_path: Path) -> None:
    with Journal(tmp_path, worker="w1") as journal:
        await journal.claimed([attempt("a", fence=1), attempt("a", fence=2)])
        await journal.ended("a", 1)

        assert [a.fence for a in journal.open_attempts()] == [2]


async def test_a_last_line_that_was_cut_is_taken_away(tmp_path: Path) -> None:
    with Journal(tmp_path, worker="w1") as journal:
        await journal.claimed([attempt("a")])
    with (tmp_path / "journal").open("ab") as f:
        f.write(b'{"event":"ended","task_id":"a","fen')

    with Journal(tmp_path, worker="w1") as journal:
        await journal.claimed([attempt("b")])
    with Journal(tmp_path, worker="w1") as journal:
        assert [a.task_id for a in journal.open_attempts()] == ["a", "b"]


async def test_a_damaged_line_is_reported_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Journal(tmp_path, worker="w1") as journal:
        await journal.claimed([attempt("a")])
    with (tmp_path / "journal").open("ab") as f:
        f.write(b"\0\0\0\n")

    with caplog.at_level(logging.WARNING), Journal(tmp_path, worker="w1") as journal:
        assert [a.task_id for a in journal.open_attempts()] == ["a"]
    assert "line 2 is damaged" in caplog.text


async def test_opening_leaves_only_open_attempts_in_the_file(tmp_path: Path) -> None:
    with Journal(tmp_path, worker="w1") as journal:
        for number in range(50):
            await journal.claimed([attempt(f"t{number}")])
            await journal.ended(f"t{number}", 1)
        await journal.claimed([attempt("last")])
    assert len((tmp_path / "journal").read_bytes().splitlines()) == 101

    Journal(tmp_path, worker="w1").close()

    assert len((tmp_path / "journal").read_bytes().splitlines()) == 1


async def test_a_long_session_shortens_its_own_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_REWRITE_BYTES", 1000)
    with Journal(tmp_path, worker="w1") as journal:
        await journal.claimed([attempt("kept")])
        for number in range(50):
            await journal.claimed([attempt(f"t{number}")])
            await journal.ended(f"t{number}", 1)

        assert (tmp_path / "journal").stat().st_size < 2000
    with Journal(tmp_path, worker="w1") as journal:
        assert [a.task_id for a in journal.open_attempts()] == ["kept"]


async def test_a_journal_that_can_t_be_shortened_serves_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk without room for one more file must not end the worker."""
    monkeypatch.setattr(journal_module, "_REWRITE_BYTES", 100)
    with Journal(tmp_path, worker="w1") as journal:
        (tmp_path / "journal.new").mkdir()  # so it can't be opened
        await journal.claimed([attempt("kept")])
        await journal.claimed([attempt("gone")])
        await journal.ended("gone", 1)
    with Journal(tmp_path, worker="w1") as journal:
        assert [a.task_id for a in journal.open_attempts()] == ["kept"]


def test_a_second_live_session_is_refused_by_name_and_pid(
    tmp_path: Path, other_session: subprocess.Popen[str]
) -> None:
    with pytest.raises(RqAgentError, match=rf"worker w1 runs .*\(pid {other_session.pid}\)"):
        Journal(tmp_path, worker="w1")


def test_a_name_is_free_again_when_its_session_was_killed(
    tmp_path: Path, other_session: subprocess.Popen[str]
) -> None:
    other_session.kill()
    other_session.wait()

    with Journal(tmp_path, worker="w1") as journal:
        assert journal.open_attempts() == []


def test_others_can_read_neither_journal_nor_folder(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "w1"
    Journal(folder, worker="w1").close()

    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "journal").stat().st_mode & 0o777 == 0o600


async def test_what_is_open_is_counted_without_beginning_a_session(tmp_path: Path) -> None:
    assert journal_module.count_open(tmp_path) == 0
    with Journal(tmp_path, worker="w1") as journal:
        await journal.claimed([attempt("a"), attempt("b")])
        await journal.started(handle("b"))
        await journal.ended("a", 1)

        assert journal_module.count_open(tmp_path) == 1
