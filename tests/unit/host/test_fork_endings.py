"""How the end of a child becomes the end of its call."""

import pytest

from rq_agent.worker.host.fork_endings import ending_of

WELL = b'[0, ""]\n{"a":1}'
BY_KILL, BY_TERM, BY_SEGV = 9, 15, 11 | 128  # as os.waitpid gives them; 128: with a core


def exited(code: int) -> int:
    return code << 8


@pytest.mark.parametrize(
    ("status", "left", "ending"),
    [
        (exited(0), WELL, ("succeeded", 0, "", '{"a":1}')),
        (exited(0), b'[0, ""]\nnull', ("succeeded", 0, "", "null")),
        (exited(1), b'[1, "ValueError: x"]\n', ("failed", 1, "ValueError: x", None)),
        (exited(7), b"", ("failed", 7, "exit 7", None)),
        (exited(0), b"", ("failed", None, "it ended its process before it returned", None)),
        (BY_KILL, b"", ("failed", 137, "signal 9", None)),
        (BY_SEGV, b"", ("failed", 139, "signal 11", None)),
        (BY_KILL, WELL, ("failed", 137, "signal 9", None)),
    ],
)
def test_a_child_that_ended_by_itself(status: int, left: bytes, ending: object) -> None:
    assert ending_of(status, left, cause="", timeout_s=0) == ending


@pytest.mark.parametrize(
    "left",
    [
        b'[0, ""]',
        b"\n{}",
        b"[0]\n{}",
        b"5\n{}",
        b"null\n{}",
        b'["0", ""]\n{}',
        b"[0, null]\n{}",
        b'[true, ""]\n{}',
        b'[-1, ""]\n{}',
        b'[1e9, ""]\n{}',
        b'[0, ""]\n\xff',
        b"[" * 100_000 + b"\n{}",
    ],
)
def test_what_is_not_whole_or_not_ours_counts_for_nothing(left: bytes) -> None:
    outcome, code, _, result = ending_of(exited(0), left, cause="", timeout_s=0)

    assert (outcome, code, result) == ("failed", None, None)


@pytest.mark.parametrize(
    ("cause", "outcome", "reason"),
    [
        ("cancelled", "cancelled", "cancelled"),
        ("released", "released", "released"),
        ("timed out", "timed_out", "timed out after 2.5 s"),
    ],
)
@pytest.mark.parametrize(
    ("status", "left", "code"),
    [(BY_TERM, b"", 143), (BY_KILL, b"", 137), (exited(0), WELL, 0), (exited(3), b"", 3)],
)
def test_one_that_was_stopped_was_stopped_whatever_it_made_of_that(
    cause: str, outcome: str, reason: str, status: int, left: bytes, code: int
) -> None:
    ending = ending_of(status, left, cause=cause, timeout_s=2.5)

    assert ending == (outcome, code, reason, None)
