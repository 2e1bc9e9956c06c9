"""What counts as a guard, and how each is broken."""

import pytest

from .mutants import mutants
from .selection import LUA, is_sound, names

CASES = [
    ("if a < b then\n  f(x)\nend", ["if a <= b then", "if not (a < b) then"]),
    ('if t == "a" then\nend', ['if t ~= "a" then']),
    ("while a and not b do\nend", ["while a or not b do", "while a and  b do"]),
    ("local x = math.min(a, b)", ["local x = math.max(a, b)"]),
    ('call("ZREM", leases_key(), id)\nreturn 1', ["\nreturn 1"]),
    ('local s = "a and b" -- not < this', []),
]


@pytest.mark.parametrize(("text", "broken"), CASES)
def test_each_guard_is_broken_in_turn(text: str, broken: list[str]) -> None:
    texts = [mutant.text for mutant in mutants(text)]

    assert all(any(part in found for found in texts) for part in broken)
    assert bool(texts) == bool(broken)
    assert text not in texts


def test_a_call_that_is_part_of_something_is_not_removed() -> None:
    texts = [m.text for m in mutants('local n = call("ZCARD", key)\nlocal m =\n  f(n)\n')]

    assert texts == []


def test_a_removed_return_lets_the_script_go_on() -> None:
    [mutant] = [m for m in mutants("if a then\n  return 0\nend") if "return" in m.change]

    assert "return" not in mutant.text
    assert mutant.line == 2


@pytest.mark.parametrize("name", ["finish", "ready", "orders"])
def test_what_is_broken_still_compiles(name: str) -> None:
    found = list(mutants((LUA / f"{name}.lua").read_text("utf-8")))

    assert name in names()
    assert len(found) > 20
    assert all(is_sound(name, mutant.text) for mutant in found)
