"""What the scripts of claims are told, and what of their answer becomes a claim."""

import pytest

from rq_agent.broker.claims import Finish, Outcome, Rare, Token
from rq_agent.broker.keys import TaskId
from rq_agent.broker.lease_calls import claimed, finish_arguments

TOKEN = Token(task_id=TaskId("t1"), fence=3, nonce="n")
KIND = [b"q", b"s1", b"d" * 64, b"train", b"ada"]
NO_REST = [b""] * 13


def reply(rest: object, *, kind: int = 1) -> list[object]:
    task = [b"t1", 3, kind, b"RQA1", b"77", b"1700000000000", rest]
    return [1, 0, 0, 0, 1, 0, [KIND, [b"other", *KIND[1:]]], [task]]


def test_a_task_with_nothing_of_its_own_has_what_is_usual() -> None:
    plain = claimed(reply(b""), "n", lease_ms=9_000).claims[0]

    assert plain == claimed(reply(NO_REST), "n", lease_ms=9_000).claims[0]
    assert (plain.queue, plain.shape, plain.name, plain.user) == ("q", "s1", "train", "ada")
    assert (plain.attempt, plain.lease_ms, plain.priority, plain.lost) == (1, 9_000, 0, 0)
    assert (plain.order, plain.created_ms, plain.rare) == ("77", 1_700_000_000_000, Rare())
    assert claimed(reply(b"", kind=2), "n", lease_ms=1).claims[0].queue == "other"


@pytest.mark.parametrize(
    ("stored", "told"), [(b"-128", -128), (b"127", 127), (b"-x", 0), (b"--1", 0), (b"", 0)]
)
def test_a_priority_may_be_below_zero_and_nothing_else(stored: bytes, told: int) -> None:
    rest = [stored if n == 2 else b"-1" for n in range(13)]

    claim = claimed(reply(rest), "n", lease_ms=9_000).claims[0]

    assert claim.priority == told
    assert (claim.attempt, claim.lease_ms, claim.lost, claim.isolation) == (1, 9_000, 0, 0)


@pytest.mark.parametrize(
    ("finish", "sent"),
    [
        (Finish(claim=TOKEN, outcome=Outcome.SUCCEEDED, exit_code=0), ["succeeded", 0, 0]),
        (Finish(claim=TOKEN, outcome=Outcome.ERRORED), ["errored", "", 0]),
        (
            Finish(claim=TOKEN, outcome=Outcome.FAILED, exit_code=3, reason="no"),
            ["failed", 3, 1, "no", 0, b"", "", ""],
        ),
        (
            Finish(claim=TOKEN, outcome=Outcome.RELEASE, isolation=0),
            ["release", "", 1, "", 0, b"", 0, ""],
        ),
        (
            Finish(claim=TOKEN, outcome=Outcome.SUCCEEDED, result=b"1"),
            ["succeeded", "", 1, "", 0, b"1", "", ""],
        ),
    ],
)
def test_an_end_is_sent_with_no_more_than_it_has(finish: Finish, sent: list[object]) -> None:
    head, first = finish_arguments([finish, finish])[:4], finish_arguments([finish])[4:]

    assert head[3] == 2
    assert first == ["t1", 3, "n", *sent]
