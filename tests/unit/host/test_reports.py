"""The files in which a host says what it has to say."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from rq_agent.worker.host.lines import line, output_line
from rq_agent.worker.host.output import Output
from rq_agent.worker.host.reports import Reports


class Bell:
    """Counts how often it was rung."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


class Disk:
    """Stands for `os.write`: takes so many bytes, then is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left: int | None = None
        self._write = os.write
        monkeypatch.setattr(os, "write", self)

    def __call__(self, file: int, data: bytes) -> int:
        if self.left is None:
            return self._write(file, data)
        if self.left == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self._write(file, data[: self.left])
        self.left -= written
        return written


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def said(folder: Path) -> list[list[Any]]:
    paths = sorted(folder.glob("reports.*"), key=lambda path: int(path.suffix[1:]))
    return [json.loads(text) for path in paths for text in path.read_bytes().splitlines()]


def out(reports: Reports, key: str, offset: int, text: str) -> None:
    reports.say_output(key, "out", output_line(key, "out", offset, text), len(text))


def test_lines_stand_in_their_order_and_the_bell_rings(tmp_path: Path) -> None:
    bell = Bell()
    reports = Reports(str(tmp_path), bell)

    reports.say(line("ready", 1))
    out(reports, "a", 0, 'é\n\x00"\u2028')
    reports.say(line("done", []))

    assert said(tmp_path) == [["ready", 1], ["out", "a", "out", 0, 'é\n\x00"\u2028'], ["done", []]]
    assert bell.count == 3


def test_a_text_that_is_no_unicode_is_replaced() -> None:
    assert json.loads(line("done", "\ud800")) == ["done", "?"]


@pytest.mark.parametrize("left", [0, 1, 15])
def test_a_full_disk_drops_output_and_keeps_the_rest(tmp_path: Path, disk: Disk, left: int) -> None:
    reports = Reports(str(tmp_path), Bell())
    out(reports, "a", 0, "first")

    disk.left = left
    out(reports, "a", 5, "lost")
    reports.say(line("done", ["a"]))
    out(reports, "b", 0, "lost too")
    reports.try_again()

    assert said(tmp_path) == [["out", "a", "out", 0, "first"]]
    assert reports.is_behind
    disk.left = None
    reports.try_again()
    assert not reports.is_behind
    assert said(tmp_path)[1:] == [
        ["gap", "a", "out", 4],
        ["gap", "b", "out", 8],
        ["done", ["a"]],
    ]


def test_unread_output_is_dropped_oldest_first(tmp_path: Path) -> None:
    reports = Reports(str(tmp_path), Bell(), segment_bytes=1000, unread_bytes=3000)

    for n in range(100):
        out(reports, "a", n * 100, "x" * 100)
        if n % 10 == 0:
            reports.say(line("done", [n]))

    found = said(tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 5000
    assert [one for one in found if one[0] == "done"] == [["done", [n]] for n in range(0, 100, 10)]
    kept = [one[3] for one in found if one[0] == "out"]
    assert kept == list(range(kept[0], 10_000, 100))
    assert sum(one[3] for one in found if one[0] == "gap") == kept[0]


def test_new_output_is_dropped_while_too_much_else_is_unread(tmp_path: Path) -> None:
    reports = Reports(str(tmp_path), Bell(), segment_bytes=100, unread_bytes=300)
    for _ in range(10):
        reports.say(line("done", "x" * 100))

    out(reports, "a", 0, "lost")
    reports.settle(10)
    out(reports, "a", 4, "kept")

    assert said(tmp_path) == [["gap", "a", "out", 4], ["out", "a", "out", 4, "kept"]]


def test_the_files_of_an_earlier_process_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / "reports.7").write_text("[]\n")

    Reports(str(tmp_path), Bell()).say(line("ready", 1))

    assert (tmp_path / "reports.7").read_text() == "[]\n"
    assert (tmp_path / "reports.8").read_text() == '["ready",1]\n'


def test_a_forked_child_says_nothing(tmp_path: Path) -> None:
    reports = Reports(str(tmp_path), Bell())
    reports.fall_silent()

    reports.say(line("done", []))
    out(reports, "a", 0, "text")

    assert said(tmp_path) == []


def test_an_incomplete_line_waits_and_a_very_long_one_does_not(tmp_path: Path) -> None:
    waits: set[Output] = set()
    output = Output(Reports(str(tmp_path), Bell()), waits, "a", "out", is_wanted=True)

    output.write("half")
    assert said(tmp_path) == []
    assert waits == {output}
    output.write(" a line\nand")
    output.write("x" * 10_000)

    assert [one[3:] for one in said(tmp_path)] == [
        [0, "half a line\nand"[:12]],
        [12, "and" + "x" * 10_000],
    ]
    assert waits == set()


def test_an_incomplete_line_is_flushed_when_it_has_waited(tmp_path: Path) -> None:
    waits: set[Output] = set()
    output = Output(Reports(str(tmp_path), Bell()), waits, "a", "out", is_wanted=True)
    output.write("half")

    output.flush_if_older(0.0)
    assert said(tmp_path) == []
    output.flush_if_older(float("inf"))

    assert said(tmp_path) == [["out", "a", "out", 0, "half"]]
    assert waits == set()
