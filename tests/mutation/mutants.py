"""Each way to break one guard of a Lua text. Pure."""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

_SKIPPED: Final = re.compile(r"--[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'")
_CONDITION: Final = re.compile(r"\b(if|elseif|while)\b(.*?)\b(then|do)\b", re.DOTALL)
_SWAPS: Final = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "~=",
    "~=": "==",
    "and": "or",
    "or": "and",
    "not": "",
    "math.min": "math.max",
    "math.max": "math.min",
}
_OPERATOR: Final = re.compile(
    r"<=|>=|==|~=|(?<![<>=~])[<>](?!=)|\b(?:and|or|not)\b|math\.m(?:in|ax)\b"
)
_CALL: Final = re.compile(r"^[ \t]*([A-Za-z_][\w.]*)\(", re.MULTILINE)
_RETURN: Final = re.compile(r"^[ \t]+return\b[^\n]*$", re.MULTILINE)
_GOES_ON: Final = re.compile(r"([,({=+\-*/<>~]|\.\.|\b(?:and|or|not|return|in))\s*$")


class Mutant(msgspec.Struct, frozen=True):
    """One broken text."""

    line: int
    """Where it is broken, from 1."""
    change: str
    """What was done, in one line."""
    text: str


def mutants(text: str) -> Iterator[Mutant]:
    """Yield the text with each of its guards broken, one at a time."""
    code = _SKIPPED.sub(lambda match: " " * len(match[0]), text)
    yield from _inverted(text, code)
    yield from _swapped(text, code)
    yield from _without_calls(text, code)
    yield from _without_returns(text, code)


def _mutant(text: str, start: int, end: int, new: str, change: str) -> Mutant:
    line = text.count("\n", 0, start) + 1
    return Mutant(line, " ".join(change.split()), text[:start] + new + text[end:])


def _inverted(text: str, code: str) -> Iterator[Mutant]:
    """Conditions turned round. A single comparison is left to _swapped."""
    for match in _CONDITION.finditer(code):
        start, end = match.span(2)
        condition = text[start:end].strip()
        if condition != "true" and not re.fullmatch(
            r"not [\w.\[\]]+|[^()]+ [=~]= [^()]+", condition
        ):
            yield _mutant(
                text, start, end, f" not ({condition}) ", f"{match[1]} {condition}: inverted"
            )


def _swapped(text: str, code: str) -> Iterator[Mutant]:
    """Operators exchanged for their neighbour."""
    for match in _OPERATOR.finditer(code):
        old, new = match[0], _SWAPS[match[0]]
        around = text[text.rfind("\n", 0, match.start()) + 1 : _line_end(text, match.end())]
        yield _mutant(text, *match.span(), new, f"{old} -> {new or 'nothing'}: {around}")


def _without_calls(text: str, code: str) -> Iterator[Mutant]:
    """Statements that call something, removed."""
    for match in _CALL.finditer(code):
        end = _closing(code, match.end() - 1) + 1
        rest = code[end : _line_end(code, end)].strip()
        before = code[: match.start()].rstrip()
        if match[1] == "function" or rest or _GOES_ON.search(before):
            continue
        start = match.start(1)
        yield _mutant(text, start, end, "", f"removed: {text[start:end]}")


def _without_returns(text: str, code: str) -> Iterator[Mutant]:
    """Early returns of nothing much, removed."""
    for match in _RETURN.finditer(code):
        following = code[match.end() :].lstrip()
        statement = text[match.start() : match.end()].strip()
        if following.startswith("end") and statement.count("(") == statement.count(")"):
            yield _mutant(text, *match.span(), "", f"removed: {statement}")


def _closing(code: str, opening: int) -> int:
    """Return where the parenthesis that is opened there is closed."""
    depth = 0
    for n in range(opening, len(code)):
        depth += {"(": 1, ")": -1}.get(code[n], 0)
        if depth == 0:
            return n
    return len(code) - 1


def _line_end(text: str, start: int) -> int:
    end = text.find("\n", start)
    return len(text) if end < 0 else end
