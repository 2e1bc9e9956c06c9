"""Tokens: easy to type, hard to guess, never shown by accident."""

import hashlib
import math

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.joining import token as tokens
from rq_agent.broker.joining.token import ALPHABET, Token, parse

TOKEN = parse("e112jv.r705-ty9m-emnp-41mc-tat8-7c2w-mbat")


def test_a_token_is_read_as_it_was_written() -> None:
    for _ in range(50):
        token = tokens.new()

        again = parse(token.text)

        assert (again.id, again.password, again.mac_key) == (
            token.id,
            token.password,
            token.mac_key,
        )


def test_a_secret_has_at_least_128_random_bits() -> None:
    random = len(TOKEN.password) - 2  # two characters are computed from the others

    assert random * math.log2(len(ALPHABET)) >= 128
    assert len({tokens.new().password for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "typed",
    [
        TOKEN.text.upper(),
        TOKEN.text.replace("-", ""),
        TOKEN.text.replace("-", " "),
        f"  {TOKEN.text}\n",
        TOKEN.text.replace("0", "o").replace("1", "l"),
        TOKEN.text.replace("0", "O").replace("1", "I"),
        TOKEN.text.replace("-", "\r\n"),
    ],
)
def test_a_token_may_be_typed_in_many_ways(typed: str) -> None:
    assert parse(typed).password == TOKEN.password


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "no token was given"),
        ("\n", "no token was given"),
        ("rqa+tls://worker@h:1/n?key=a#b", "that is the link, not the token"),
        (TOKEN.password, "the token is not whole"),
        (TOKEN.text[:-1], "the token is not whole"),
        (TOKEN.text + "a", "the token is not whole"),
        (TOKEN.text[1:], "the token is not whole"),
        (TOKEN.text.replace(TOKEN.text[-1], "u"), "a character that can't be there"),
        (TOKEN.text.replace(TOKEN.id, "\u00e4bc123"), "a character that can't be there"),
    ],
)
def test_what_is_no_token_is_told_apart_and_not_repeated(typed: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse(typed)

    assert TOKEN.password[:6] not in str(caught.value)


def test_a_typing_error_is_noticed_before_anything_is_sent() -> None:
    swapped = TOKEN.password[1] + TOKEN.password[0] + TOKEN.password[2:]
    wrong = [swapped]
    for n in range(0, 26, 3):
        other = ALPHABET[(ALPHABET.index(TOKEN.password[n]) + 1) % 32]
        wrong.append(f"{TOKEN.password[:n]}{other}{TOKEN.password[n + 1 :]}")

    for secret in wrong:
        with pytest.raises(UsageError, match="typing error"):
            parse(f"{TOKEN.id}.{secret}")


def test_a_token_is_not_shown_by_accident() -> None:
    assert TOKEN.password not in f"{TOKEN!r} {TOKEN}"
    assert repr(TOKEN) == f"<Token {TOKEN.id}>"


def test_the_server_stores_neither_password_nor_what_gives_it_away() -> None:
    assert TOKEN.password_sha256 == hashlib.sha256(TOKEN.password.encode()).hexdigest()
    assert TOKEN.mac_key != bytes.fromhex(TOKEN.password_sha256)
    assert Token("other1", TOKEN.password).mac_key == TOKEN.mac_key
    assert TOKEN.user == f"join-{TOKEN.id}"
