"""How the text of a script is put together."""

import re
from pathlib import Path

import pytest
from lupa.lua51 import LuaRuntime  # type: ignore[import-untyped]

from rq_agent.broker import scripts
from rq_agent.broker.script_text import (
    read,
    source,
    with_keys_spelled_out,
    with_seldom,
    without_comments,
    without_unused,
)

from .lua_globals import globals_of

LUA = Path(scripts.__file__).parent / "lua"
NAMES = sorted(scripts.Scripts.__annotations__)
KEYS = """\
local function list_key(id) return P .. "id:" .. id end
local function all_key() return P .. "all" end
local function pair_key(a, b) return P .. "a:" .. a .. ":" .. b end
"""


def test_comments_and_empty_lines_go_but_not_what_is_in_quotes() -> None:
    text = '-- about\n\nlocal a = "x -- y" -- why\nlocal b = 3 - 2\n  -- more\n'

    assert without_comments(text) == 'local a = "x -- y"\nlocal b = 3 - 2\n'


def test_only_functions_that_something_calls_are_left() -> None:
    text = """\
local function deep() return 1 end
local function used()
  return deep()
end
local function one()
  return another()
end
local function another()
  return one()
end
local first = used()
local function last() return first end
return last()
"""

    assert without_unused(text) == text.replace(text[text.index("local function one") :], "") + (
        "local first = used()\nlocal function last() return first end\nreturn last()\n"
    )


def test_a_name_that_two_functions_have_keeps_both() -> None:
    text = "local function a() return 1 end\nlocal function a() return 2 end\nreturn a()\n"

    assert without_unused(text) == text


@pytest.mark.parametrize(
    ("used", "spelled"),
    [
        ("f(all_key())", 'f((P .. "all"))'),
        ("f(list_key(task[2].id), 1)", 'f((P .. "id:" .. task[2].id), 1)'),
        ("f(list_key(a or b))", 'f((P .. "id:" .. (a or b)))'),
        ('f(list_key("id"))', 'f((P .. "id:" .. "id"))'),
        ('f(pair_key("(", g(1, 2)))', 'f((P .. "a:" .. "(" .. ":" .. (g(1, 2))))'),
        ("f(pair_key(b, a))", 'f((P .. "a:" .. b .. ":" .. a))'),
        ("f(list_key(all_key()))", 'f((P .. "id:" .. ((P .. "all"))))'),
        ("f(other_list_key(1))", "f(other_list_key(1))"),
    ],
)
def test_keys_are_spelled_out_where_they_are_used(used: str, spelled: str) -> None:
    assert with_keys_spelled_out(KEYS + used) == spelled


FUNCTION = re.compile(r"local function (\w+)\(")
EVERY = {name for path in LUA.glob("*.lua") for name in FUNCTION.findall(path.read_text())}


@pytest.mark.parametrize("name", NAMES)
def test_each_script_can_be_read_and_has_all_that_it_calls(name: str) -> None:
    text = source(name)
    compiles = LuaRuntime().eval("function(text) return loadstring(text) ~= nil end")

    assert compiles(text)
    assert "--" not in text
    called = set(re.findall(r"(?<![\w.])(\w+)\(", text)) & EVERY
    assert called <= set(FUNCTION.findall(text))


SERVER = {"redis", "KEYS", "ARGV", "math", "string", "table", "error", "pcall", "type"}
"""What a server has beside the words of Lua."""
SERVER |= {"tonumber", "pairs", "ipairs", "select", "unpack", "next", "cjson"}


@pytest.mark.parametrize("name", NAMES)
def test_each_script_names_nothing_that_is_not_there(name: str) -> None:
    assert globals_of(source(name)) <= SERVER


def test_a_name_out_of_scope_is_noticed_at_any_depth() -> None:
    text = """\
local function inner() return 1.5 end
local function outer()
  local own = true
  return function() return inner() + missing(own, nil, "text") end
end
local function early() return late() end
local function late() return outer() end
written = late
"""

    assert globals_of(text) == {"missing", "late", "written"}


OFTEN = """\
local function low() return 1 end
local function deep() return 2 end
local function rare()
  return low() + deep()
end
local function often()
  return rare() + low()
end
return often()
"""


def test_what_is_seldom_called_is_made_with_its_first_call() -> None:
    text = with_seldom(OFTEN, ["rare"])

    head, _, group = text.partition("make_seldom = function()\n")
    assert "function rare" not in head
    assert group.startswith("local function deep() return 2 end\nlocal function rare()\n")
    assert "return { rare = rare }" in group
    assert 'return seldom("rare")() + low()' in group.partition("return { rare")[2]


def test_what_only_seldom_functions_use_is_made_with_them() -> None:
    text = """\
local seen, DAY = {}, 3
local WEEK = 7 * DAY
local both = {}
local FINAL = {
  done = true,
}
local NOW = call("TIME")
local function rare()
  return FINAL[both], seen, NOW
end
return rare() + WEEK + #both
"""

    head, _, group = with_seldom(text, ["rare"]).partition("make_seldom = function()\n")

    assert head.endswith(
        'local seen, DAY = {}, 3\nlocal WEEK = 7 * DAY\nlocal both = {}\nlocal NOW = call("TIME")\n'
    )
    assert group.startswith("local FINAL = {\n  done = true,\n}\nlocal function rare()\n")


def test_a_function_that_is_not_there_can_not_be_seldom() -> None:
    with pytest.raises(ValueError, match="not there: other"):
        with_seldom(OFTEN, ["rare", "other"])


@pytest.mark.parametrize("name", [name for name in NAMES if "-- Seldom" in read(name)])
def test_what_is_seldom_called_is_nothing_but_called(name: str) -> None:
    entries = read(name).partition("-- Seldom")[2].partition("\n")[0].strip().split(", ")

    head, _, rest = source(name).partition("make_seldom = function()")
    after = rest.partition(f"\nreturn {{ {entries[0]} = ")[2].partition("\n")[2]

    often = set(re.findall(r"(?<![\w.])\w+", re.sub(r'"[^"]*"', "", head + after)))
    assert after
    assert not set(entries) & often
