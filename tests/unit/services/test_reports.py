"""The files of reports, as they grow, end and are replaced."""

import os
from pathlib import Path

import pytest

from rq_agent.worker.services.messages import Nonsense, Report, Unblocked
from rq_agent.worker.services.reports import Reports


def line(number: int) -> bytes:
    return b'["unblocked", "a.1", %d]\n' % number


def append(folder: Path, segment: int, content: bytes) -> None:
    with (folder / f"reports.{segment}").open("ab") as file:
        file.write(content)


def read_all(reports: Reports) -> list[float]:
    found: list[Report] = []
    while (part := reports.read()) is not None:
        found += part
    return [one.seconds for one in found if isinstance(one, Unblocked)]


def test_lines_are_read_once_as_they_come(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    assert read_all(reports) == []
    append(tmp_path, 1, line(1) + line(2))
    assert read_all(reports) == [1, 2]
    append(tmp_path, 1, line(3))
    assert read_all(reports) == [3]


def test_a_line_is_read_when_it_is_complete(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    append(tmp_path, 1, line(1) + line(2)[:5])
    assert read_all(reports) == [1]
    append(tmp_path, 1, line(2)[5:9])
    assert read_all(reports) == []
    append(tmp_path, 1, line(2)[9:])
    assert read_all(reports) == [2]


def test_a_line_longer_than_a_read_is_one_line(tmp_path: Path) -> None:
    long = b'["unblocked", "a.1", 5, "%s"]\n' % (b"x" * 1_000_000)
    append(tmp_path, 1, line(4) + long + line(6))

    assert read_all(Reports(tmp_path)) == [4, 5, 6]


def test_the_next_file_is_read_after_the_end_of_the_one_before(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    append(tmp_path, 1, line(1))
    assert read_all(reports) == [1]
    append(tmp_path, 1, line(2))
    append(tmp_path, 2, line(3))

    assert read_all(reports) == [2, 3]
    assert reports.segment == 2


def test_a_file_that_is_replaced_is_read_as_it_was(tmp_path: Path) -> None:
    reports = Reports(tmp_path)
    append(tmp_path, 1, line(1))
    assert read_all(reports) == [1]
    append(tmp_path, 1, line(2))
    (tmp_path / "shorter").write_bytes(b"")
    os.replace(tmp_path / "shorter", tmp_path / "reports.1")
    append(tmp_path, 2, line(3))

    assert read_all(reports) == [2, 3]


def test_another_session_begins_with_the_oldest_file(tmp_path: Path) -> None:
    for segment in (10, 9, 11):
        append(tmp_path, segment, line(segment))
    (tmp_path / "reports.x").write_bytes(b"nonsense")

    assert read_all(Reports(tmp_path)) == [9, 10, 11]


@pytest.mark.parametrize("content", [b"nonsense\n", b'["done", 5]\n', b"\n"])
def test_nonsense_is_told_after_what_stands_before_it(tmp_path: Path, content: bytes) -> None:
    append(tmp_path, 1, line(1) + content + line(2))
    part = Reports(tmp_path).read()

    assert part is not None
    assert next(part) == Unblocked("a.1", 1)
    with pytest.raises(Nonsense):
        next(part)


def test_a_line_without_end_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rq_agent.worker.services.reports._LONGEST_LINE", 1_000_000)
    append(tmp_path, 1, b"x" * 2_000_000)

    with pytest.raises(Nonsense, match="a line of more than"):
        read_all(Reports(tmp_path))


def test_a_file_that_ends_in_the_middle_of_a_line_is_nonsense(tmp_path: Path) -> None:
    append(tmp_path, 1, line(1)[:-4])
    append(tmp_path, 2, line(2))

    with pytest.raises(Nonsense, match="ends in the middle"):
        read_all(Reports(tmp_path))


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(line(1))
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    fifo.mkdir()
    os.mkfifo(fifo / "reports.1")
    link.mkdir()
    (link / "reports.1").symlink_to(secret)

    for folder in (fifo, link):
        with pytest.raises(Nonsense):
            read_all(Reports(folder))
