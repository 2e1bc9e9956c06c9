"""Arguments of a call: what passes is read by the standard library's json too, on one line."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.broker.call_arguments import MAX_BYTES, MAX_DEPTH, check, decode, encode

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=9,
)


def nested(depth: int) -> str:
    """Return arguments of so many lists within each other."""
    return "[" * depth + "]" * (depth - 1) + ",{}]"


@given(st.lists(VALUES, max_size=3), st.dictionaries(TEXTS, VALUES, max_size=3))
def test_whatever_is_written_is_read_by_both(args: list[Any], kwargs: dict[str, Any]) -> None:
    text = encode(args, kwargs)

    assert decode(text) == (args, kwargs)
    assert json.loads(text) == [args, kwargs]
    assert "\n" not in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "truncated"),
        ("{}", "array"),
        ("[]", "length"),
        ("[[]]", "length"),
        ("[[],{},1]", "length"),
        ("[{},[]]", "array"),
        ("[[],[]]", "object"),
        ("[[NaN],{}]", "malformed"),
        ("[[Infinity],{}]", "malformed"),
        ("[[1e999],{}]", "out of range"),
        ("[[" + "1" * 5_000 + "],{}]", "out of range"),
        ('[["\\ud800"],{}]', "JSON"),
        ('[["\ud800"],{}]', "surrogates"),
        ("[[\0],{}]", "malformed"),
        ("[[],{}]x", "malformed"),
        ("[[],\n{}]", "one line"),
        ("[[],\r{}]", "one line"),
        ("\ufeff[[],{}]", "malformed"),
        (nested(MAX_DEPTH + 1), "within each other"),
        (nested(50_000), "within each other"),
        ('[["' + "x" * MAX_BYTES + '"],{}]', "put large values into a file"),
        ('[["' + "ä" * (MAX_BYTES // 2) + '"],{}]', "put large values into a file"),
    ],
)
def test_what_another_process_could_not_read_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        check(text)


def test_as_deep_and_as_wide_as_allowed_is_accepted() -> None:
    check(nested(MAX_DEPTH))
    check(f"[{json.dumps([[1]] * 5_000)},{{}}]")
    check('[["\\u0000"],{}]')


def test_of_a_name_that_is_given_twice_the_last_counts_for_both() -> None:
    text = '[[],{"n":1,"n":2}]'

    assert decode(text)[1] == json.loads(text)[1] == {"n": 2}


def test_values_that_json_can_not_hold_are_refused_where_they_are_written() -> None:
    for value in (object(), 10**5_000, "\ud800"):
        with pytest.raises(ValueError, match="can't be written as JSON"):
            encode([value], {})
