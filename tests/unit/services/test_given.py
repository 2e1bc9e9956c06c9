"""What a host was given is known after its death, whatever was written beside it."""

import os
from pathlib import Path

from rq_agent.worker.services.calls import Call
from rq_agent.worker.services.given import Given, GivenFile

A, B, C = (Given(f"{name}.1", f"note of {name}", n) for n, name in enumerate("abc"))


def call(row: Given) -> Call:
    return Call(key=row.key, target="m:f", arguments=b"[]", note=row.note, isolation=row.isolation)


def test_what_was_added_is_read_by_the_next_session(tmp_path: Path) -> None:
    one = GivenFile(tmp_path)
    one.add([call(A), call(B)])
    one.add([call(C)])

    assert GivenFile(tmp_path).read() == [A, B, C]


def test_what_is_not_kept_is_forgotten_and_more_may_come(tmp_path: Path) -> None:
    one = GivenFile(tmp_path)
    one.add([call(A), call(B)])
    one.keep([B])
    one.add([call(C)])

    assert GivenFile(tmp_path).read() == [B, C]
    assert os.listdir(tmp_path) == ["given"]


def test_it_is_kept_short(tmp_path: Path) -> None:
    one = GivenFile(tmp_path)
    long = Given("a.1", "x" * 1024 * 1024, 0)
    for _ in range(5):
        one.add([call(long)])
    was_long = one.is_long
    one.keep([long])

    assert (was_long, one.is_long) == (True, False)


def test_a_line_that_is_cut_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(b'[["a.1"\n[["c.1","note of c",2]]\n\xff\n{}\n')

    assert GivenFile(tmp_path).read() == [C]


def test_what_is_no_file_names_nothing_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "given")
    one = GivenFile(tmp_path)
    one.add([call(A)])

    assert one.read() == []
    one.keep([A])
    assert one.read() == [A]
