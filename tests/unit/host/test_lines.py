"""What a host says of ends, however large the results are."""

import json
from typing import Any

from rq_agent.worker.host.lines import MOST_RESULT, PART, done_lines


def ended(key: str, result: str) -> tuple[Any, ...]:
    return key, "succeeded", 0, "", result, "", 1


def test_ends_stand_in_one_line() -> None:
    said = done_lines([ended("a.1", "1"), ended("b.1", "2")])

    assert said.count(b"\n") == 1
    name, rows = json.loads(said)
    assert (name, [row[0] for row in rows]) == ("done", ["a.1", "b.1"])


def test_large_results_stand_in_lines_of_their_own() -> None:
    large = "x" * (PART // 2 + 1)

    said = done_lines([ended(f"{n}.1", large) for n in range(5)])

    reports = [json.loads(each) for each in said.splitlines()]
    assert [[row[0] for row in rows] for _, rows in reports] == [
        ["0.1", "1.1"],
        ["2.1", "3.1"],
        ["4.1"],
    ]


def test_of_a_result_that_is_too_large_to_be_kept_only_so_much_is_said() -> None:
    [said] = done_lines([ended("a.1", "x" * (MOST_RESULT + 1))]).splitlines()

    assert len(json.loads(said)[1][0][4]) == MOST_RESULT
