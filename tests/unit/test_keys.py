"""prelude.lua and keys.py build the same names, and keys.py states what the leak check checks."""

import inspect

import pytest
from fakeredis import FakeAsyncRedis

from rq_agent.broker import keys
from rq_agent.broker.script_text import as_sent, read

from ..leak_check import NO_TTL, SOMETIMES, TTL, key_functions

FUNCTIONS = key_functions()
P = keys.prefix("lab")


@pytest.mark.parametrize("name", FUNCTIONS)
async def test_lua_builds_the_same_name_as_python(name: str) -> None:
    function = FUNCTIONS[name]
    arguments = ["one", "two"][: len(inspect.signature(function).parameters) - 1]
    given = ", ".join(f"ARGV[{n + 1}]" for n in range(len(arguments)))
    script = f"{read('prelude')}\nreturn {name}_key({given})"

    async with FakeAsyncRedis() as redis:
        built = [await redis.eval(t, 1, P, *arguments) for t in (script, as_sent(script))]

    assert [name.decode() for name in built] == 2 * [function(P, *arguments)]


def test_lua_builds_no_other_names() -> None:
    prelude = read("prelude")
    named = {
        line.split("local function ")[1].split("_key(")[0]
        for line in prelude.splitlines()
        if line.startswith("local function ") and "_key(" in line
    }

    assert named == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_of_a_key_states_what_is_checked(name: str) -> None:
    stated = inspect.getdoc(FUNCTIONS[name]) or ""
    head = stated.split(".")[0]

    assert stated.split(maxsplit=1)[0].strip(",") in {
        "HASH",
        "STRING",
        "LIST",
        "ZSET",
        "SET",
        "STREAM",
    }
    assert [name in NO_TTL, name in TTL, name in SOMETIMES].count(True) == 1
    if name in TTL:
        assert ", TTL " in head
    elif name in SOMETIMES:
        assert "TTL" in head
    else:
        assert any(words in head for words in ("no TTL", "lives as long as the task", "purged"))


def test_all_keys_of_a_namespace_share_one_slot() -> None:
    assert P == "rqa:{lab}:"
    for function in FUNCTIONS.values():
        count = len(inspect.signature(function).parameters) - 1
        assert function(P, *["x"] * count).startswith(P)


@pytest.mark.parametrize("name", ["a", "A-b_c.9", "x" * 63])
def test_a_name_is_short_and_plain(name: str) -> None:
    assert keys.NAME_PATTERN.fullmatch(name)


@pytest.mark.parametrize("name", ["", "a:b", "a{b", "a}b", "-a", ".a", "a b", "ä", "x" * 64, "a\n"])
def test_what_could_break_a_key_is_no_name(name: str) -> None:
    assert not keys.NAME_PATTERN.fullmatch(name)
