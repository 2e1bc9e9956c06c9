"""What a host says of ends, however large the results are."""

import json
from typing import Any

from rq_agent.worker.host.lines import MOST_ENDS, MOST_RESULT, PART, done_lines


def ended(key: str, result: str) -> tuple[Any, ...]:
    return key, "succeeded", 0, "", result, "", 1


def test_ends_stand_in_one_line() -> None:
    said = done_lines([ended("a.1", "1"), ended("b.1", "2")])

    assert said.count(b"\n") == 1
    name, rows = json.loads(said)
    assert (name, [row[0] for row in rows]) == ("done", ["a.1", "b.1"])


def test_a_line_tells_of_as_many_ends_as_are_no_more_than_so_large() -> None:
    half = "x" * (PART // 2)

    assert lengths([ended(f"{n}.1", half) for n in range(5)]) == [2, 2, 1]
    assert lengths([ended(f"{n}.1", "1") for n in range(2 * MOST_ENDS + 1)]) == [200, 200, 1]
    noted = [(*ended(f"{n}.1", "1")[:5], half[2:], 1) for n in range(5)]
    assert lengths(noted) == [2, 2, 1]


def test_one_large_result_stands_alone() -> None:
    large = ended("b.1", "x" * (PART + 1))

    assert lengths([ended("a.1", "1"), large, ended("c.1", "1")]) == [1, 1, 1]


def lengths(entries: list[tuple[Any, ...]]) -> list[int]:
    """How many ends each line tells of."""
    return [len(json.loads(each)[1]) for each in done_lines(entries).splitlines()]


def test_of_a_result_that_is_too_large_to_be_kept_only_so_much_is_said() -> None:
    [said] = done_lines([ended("a.1", "x" * (MOST_RESULT + 1))]).splitlines()

    assert len(json.loads(said)[1][0][4]) == MOST_RESULT
