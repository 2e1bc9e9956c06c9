"""When a token lets somebody in, and what it then becomes."""

import re

import msgspec
import pytest

from rq_agent.broker.errors import TrustError, UsageError
from rq_agent.broker.joining.logins import token_rules
from rq_agent.broker.joining.records import (
    LINGER_MS,
    Grant,
    TokenRecord,
    check_terms,
    decode_member,
    decode_token,
    encode,
    refusal,
    user_name,
)
from rq_agent.broker.joining.request import NAME_PATTERN
from rq_agent.broker.refused_logins import refusal as refusal_of_login

RECORD = TokenRecord(
    role="worker", mac_key=b"k" * 32, expires_ms=1_000, created_ms=0, uses=2, queues=("*",)
)


@pytest.mark.parametrize(
    ("role", "now_ms", "uses", "words"),
    [
        ("worker", 999, 1, ""),
        ("worker", 1_000, 1, "expired or was used; ask for a new one: rq-agent invite worker"),
        ("worker", 0, 0, "expired or was used"),
        ("operator", 0, 1, "is for the role worker, and the link for operator"),
        ("submitter", 5_000, 1, "expired or was used; .*invite submitter"),
    ],
)
def test_a_token_lets_in_its_role_until_it_expires(
    role: str, now_ms: int, uses: int, words: str
) -> None:
    problem = refusal(msgspec.structs.replace(RECORD, uses=uses), role, now_ms=now_ms)

    assert re.search(words, problem) if words else problem == ""


def test_the_last_use_leaves_a_token_only_to_answer_again() -> None:
    first = RECORD.with_grant(Grant(request="a", user="u"), 500)
    last = first.with_grant(Grant(request="b", user="v"), 500)

    assert (first.uses, first.expires_ms) == (1, 1_000)
    assert (last.uses, last.expires_ms) == (0, 500 + LINGER_MS)
    assert last.grant("a") == Grant(request="a", user="u")
    assert last.grant("c") is None
    assert refusal(last, "worker", now_ms=501)


def test_a_record_is_read_as_it_was_stored_and_shows_no_secret() -> None:
    assert decode_token(encode(RECORD)) == RECORD
    assert "k" * 8 not in repr(RECORD)
    for content in (b"", b"{}", b'{"v": 2}', b"\xff"):
        with pytest.raises(TrustError, match="damaged"):
            decode_token(content)
        with pytest.raises(TrustError, match="damaged"):
            decode_member(content)


@pytest.mark.parametrize(
    "terms",
    [
        {"uses": 0, "expires_ms": 60_000},
        {"uses": 33, "expires_ms": 60_000},
        {"uses": 1, "expires_ms": 999},
        {"uses": 1, "expires_ms": 31 * 86_400_000},
        {"uses": 1, "expires_ms": 60_000, "name": "a b"},
        {"uses": 1, "expires_ms": 60_000, "name": "-x"},
        {"uses": 1, "expires_ms": 60_000, "name": "x" * 33},
    ],
)
def test_terms_have_bounds(terms: dict[str, int]) -> None:
    with pytest.raises(UsageError):
        check_terms(**terms)  # type: ignore[arg-type]


def test_a_login_is_named_for_its_role_and_whom_it_is_of() -> None:
    request = "0123456789abcdef" * 4

    assert user_name("worker", "box1", request, attempt=0) == "worker-box1-0123"
    assert user_name("worker", "box1", request, attempt=1) == "worker-box1-4567"
    assert len({user_name("worker", "b", request, attempt=n) for n in range(16)}) == 4


def test_a_token_can_use_its_stream_and_nothing_else() -> None:
    words = token_rules("rqa:{lab}:!join:abc123")

    assert [word for word in words if word.startswith(("~", "%"))] == ["~rqa:{lab}:!join:abc123"]
    commands = {word for word in words if word.startswith("+")}
    assert commands == {"+ping", "+select", "+client|setname", "+xadd", "+xrange", "+xread"}


@pytest.mark.parametrize("name", ["a", "box1", "ada-laptop", "A.b_c-9", "x" * 32])
def test_plain_names_are_names(name: str) -> None:
    assert re.search(NAME_PATTERN, name)


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("", "refused the user name or the password"),
        ("worker", "refused the user name or the password"),
        ("worker-x", "refused the user name or the password"),
        ("local", "refused the user name or the password"),
        ("alice-box-1f3c", "refused the user name or the password"),
        ("worker-box-1f3c", "login worker-box-1f3c any more: it was removed; .*invite worker"),
        ("submitter-ada-pc-1f3c", "it was removed; ask whoever runs .*invite submitter"),
        ("join-abc123", "does not know this token: the token has expired or was used"),
    ],
)
def test_a_refused_login_is_told_what_to_do(user: str, words: str) -> None:
    assert re.search(words, refusal_of_login(user))
