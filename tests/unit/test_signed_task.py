"""What a submitter may sign; both ends hold a task to the same limits."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.broker.errors import UsageError
from rq_agent.broker.needs import Need
from rq_agent.broker.signed_task import Place, SignedTask, decode, encode

VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,9}", fullmatch=True)


def task(**fields: Any) -> SignedTask:
    chosen: dict[str, Any] = {
        "namespace": "lab",
        "task_id": "t1",
        "definition": "a" * 64,
        "not_after": 1,
    }
    return SignedTask(**chosen | fields)


@given(
    st.lists(VALUES, max_size=4),
    st.dictionaries(VALUES.filter(bool), VALUES, max_size=3),
    st.dictionaries(NAMES, VALUES, max_size=3),
    st.floats(0, 65_536),
)
def test_a_task_survives_the_way_through_its_bytes(
    argv: list[str], params: dict[str, str], env: dict[str, str], cpus: float
) -> None:
    signed = task(argv=tuple(argv), params=params, env=env, need=Need(cpus=cpus))

    _, body = encode(signed)
    assert decode(Place("lab", "t1", "a" * 64), body) == signed


def test_a_body_holds_only_what_is_not_usual() -> None:
    spelled_out = task(argv=(), params={}, need=Need(gpus=0), timeout_s=0.0, grace_s=30.0)

    _, body = encode(spelled_out)

    assert body == encode(task())[1] == msgspec.msgpack.encode({"not_after": 1})


def test_the_place_is_named_by_all_that_the_record_says_of_it() -> None:
    places = [
        encode(task(**other))[0]
        for other in ({}, {"namespace": "prod"}, {"task_id": "t2"}, {"definition": "b" * 64})
    ]

    assert len(set(places)) == 4
    assert places[0] == msgspec.msgpack.encode(["lab", "t1", "a" * 64])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"argv": ("fine", "a\0b")}, "argument 2: holds a NUL"),
        ({"env": {"A": "\0"}}, "env A: holds a NUL"),
        ({"params": {"lr": "\0"}}, "parameter lr: holds a NUL"),
        ({"params": {"l\0r": "1"}}, "the name of a parameter: holds a NUL"),
        ({"argv": ("\udcff",)}, "not valid UTF-8"),
        ({"env": {"": "x"}}, "length >= 1"),
        ({"env": {"1A": "x"}}, "'1A' can't be the name of a variable"),
        ({"env": {"A\n": "x"}}, "can't be the name of a variable"),
        ({"env": {"Ä": "x"}}, "can't be the name of a variable"),
        ({"env": {f"A{n}": "" for n in range(1001)}}, r"length <= 1000 - at `\$.env`"),
        ({"params": {"p" * 257: ""}}, r"length <= 256 - at `key` in `\$.params`"),
        ({"argv": ("",) * 10_001}, r"length <= 10000 - at `\$.argv`"),
        ({"argv": ("x" * 131_073,)}, r"length <= 131072 - at `\$.argv\[0\]`"),
        ({"definition": "A" * 64}, r"matching regex .* - at `\$\[2\]`"),
        ({"task_id": "t1" * 40}, r"length <= 64 - at `\$\[1\]`"),
        ({"timeout_s": -1.0}, "timeout_s"),
        ({"grace_s": float("inf")}, "grace_s"),
        ({"need": Need(gpus=-1)}, r"at `\$.need.gpus`"),
        ({"not_after": 2**40}, "not_after"),
    ],
)
def test_what_no_worker_would_accept_is_refused_with_its_place(
    fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=f"task t1.*: .*{words}"):
        encode(task(**fields))
