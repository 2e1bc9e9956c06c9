"""What is said through a token's stream: only who has the token can say it, and only this."""

import json
from typing import Any

import pytest

from rq_agent.broker.errors import TrustError
from rq_agent.broker.joining.request import (
    MAX_BYTES,
    Answer,
    Kind,
    Message,
    fields_of,
    parse_answer,
    parse_request,
    read,
    request_id,
)

KEY, OTHER = b"k" * 32, b"o" * 32
LINE = "rqa-ed25519 " + "A" * 43 + "= ada@lab"
GOOD: dict[str, Any] = {
    "v": 1,
    "role": "worker",
    "name": "box1",
    "password_sha256": "0" * 64,
    "key": LINE,
}


def entry(kind: Kind, content: bytes, key: bytes = KEY) -> dict[bytes, bytes]:
    return {name.encode(): value for name, value in fields_of(kind, content, key).items()}


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_said_with_the_token_is_heard(kind: Kind) -> None:
    assert read(entry(kind, b"content"), KEY) == Message(kind, b"content")


@pytest.mark.parametrize(
    "said",
    [
        entry(Kind.REQUEST, b"content", OTHER),
        {b"request": b"content"},
        {b"request": b"content", b"mac": b""},
        {b"request": b"content", b"mac": b"\xff" * 64},
        {b"mac": b"x"},
        {},
        {b"request": b"altered", b"mac": entry(Kind.REQUEST, b"content")[b"mac"]},
        {b"answer": b"content", b"mac": entry(Kind.REQUEST, b"content")[b"mac"]},
        entry(Kind.REQUEST, b"content") | {b"answer": b"content"},
        entry(Kind.REQUEST, b"x" * (MAX_BYTES + 1)),
    ],
)
def test_what_is_not_said_with_the_token_is_passed_over(said: dict[bytes, bytes]) -> None:
    assert read(said, KEY) is None


def test_a_request_is_read_and_known_again() -> None:
    content = json.dumps(GOOD).encode()

    assert parse_request(content).name == "box1"
    assert request_id(content) == request_id(content) != request_id(content + b" ")


@pytest.mark.parametrize(
    "changes",
    [
        {"v": 2},
        {"role": "local"},
        {"role": "admin"},
        {"role": ["worker"]},
        {"name": ""},
        {"name": "-x"},
        {"name": "a b"},
        {"name": "a\n"},
        {"name": "a:b"},
        {"name": "x" * 33},
        {"name": "\u00e4"},
        {"name": "a~*"},
        {"password_sha256": "0" * 63},
        {"password_sha256": "0" * 65},
        {"password_sha256": "A" * 64},
        {"password_sha256": "0" * 64 + "\n"},
        {"password_sha256": "nopass"},
        {"key": "x" * 401},
        {"key": None},
        {"queues": ["*"]},
        {"user": "local"},
    ],
)
def test_a_request_that_says_anything_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(TrustError, match="not a request to join"):
        parse_request(json.dumps(GOOD | changes).encode())


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'"x"', b"[" * 4000])
def test_what_is_no_request_at_all_is_refused(content: bytes) -> None:
    with pytest.raises(TrustError):
        parse_request(content)


def test_an_answer_of_a_newer_registrar_is_understood() -> None:
    assert parse_answer(b'{"request": "r", "user": "u", "new": 1}') == Answer(request="r", user="u")
    with pytest.raises(TrustError, match="not an answer"):
        parse_answer(b"{}")
