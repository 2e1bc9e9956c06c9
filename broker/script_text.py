"""The text of a Lua script: the prelude, the parts that it uses, its own file.

The server runs a whole text with each call and makes each function in it anew, at a price that
grows with the number of the others. So a text is sent without the functions that nothing in it
calls, and with the names of keys (`*_key`) spelled out where they are used. What only few calls
need, which the script's header says (`Seldom`), is made when it is needed.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent / "lua"
_USES: Final = re.compile(r"^-- Uses +(.+)$", re.MULTILINE)
_SELDOM: Final = re.compile(r"^-- Seldom +(.+)$", re.MULTILINE)
_FUNCTION: Final = re.compile(r"local function (\w+)\(")
_VARIABLES: Final = re.compile(r"local (\w+(?:, \w+)*)(?: =|$)")
_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_KEY: Final = re.compile(r"^local function (\w+_key)\((.*?)\) return (.+) end\n", re.MULTILINE)
_KEY_CALL: Final = re.compile(r"\b(\w+_key)\(")
_COMMENT: Final = re.compile(r'^((?:[^"-]|"[^"]*"|-(?!-))*)--.*$')
_QUOTED: Final = re.compile(r'"[^"]*"')
_QUOTED_OR_WORD: Final = re.compile(r'"[^"]*"|[A-Za-z_]\w*')
_SELDOM_HEAD: Final = """\
local make_seldom, made_seldom
local function seldom(name)
  made_seldom = made_seldom or make_seldom()
  return made_seldom[name]
end"""
_SIMPLE: Final = re.compile(r'[\w.\[\]]+|"[^"]*"')


@cache
def source(name: str) -> str:
    """Return the text of a script."""
    own = read(name)
    uses = _USES.search(own)
    parts = [part.strip().removesuffix(".lua") for part in uses[1].split(",")] if uses else []
    seldom = _SELDOM.search(own)
    text = as_sent("\n".join([read("prelude"), *(read(part) for part in parts), own]))
    return with_seldom(text, seldom[1].split(", ") if seldom else [])


def read(name: str) -> str:
    """Return the text of one file."""
    return (_FOLDER / f"{name}.lua").read_text("utf-8")


def as_sent(text: str) -> str:
    """Return what does the same at less cost."""
    return without_unused(with_keys_spelled_out(without_comments(text)))


def without_comments(text: str) -> str:
    """Return a text without its comments and empty lines."""
    lines = (_COMMENT.sub(r"\1", line) if "--" in line else line for line in text.splitlines())
    return "".join(f"{line.rstrip()}\n" for line in lines if line.strip())


def with_keys_spelled_out(text: str) -> str:
    """Return a text in which each call of a one-line function `*_key` became what it returns."""
    keys = {found[1]: (found[2], found[3]) for found in _KEY.finditer(text)}

    def spelled_out(part: str) -> str:
        done, end = [], 0
        for call in _KEY_CALL.finditer(part):
            if call.start() >= end and call[1] in keys:  # else it is an argument of the one before
                done.append(part[end : call.start()])
                arguments, end = _arguments(part, call.end())
                name = _spelled(*keys[call[1]], [spelled_out(each) for each in arguments])
                done.append(f"({name})")
        return "".join([*done, part[end:]])

    return spelled_out(_KEY.sub("", text))


def _spelled(names: str, expression: str, arguments: Sequence[str]) -> str:
    values = dict(zip(names.split(", ") if names else (), arguments, strict=True))
    return _QUOTED_OR_WORD.sub(lambda part: values.get(part[0], part[0]), expression)


def _arguments(text: str, at: int) -> tuple[list[str], int]:
    """Return the arguments of a call from its first one on, and where the call ends."""
    arguments, depth, start, is_quoted = [], 0, at, False
    while depth >= 0:
        char = text[at]
        at += 1
        if char == '"':
            is_quoted = not is_quoted
        elif is_quoted:
            continue
        elif char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        if depth < 0 or (char == "," and not depth):
            arguments.append(text[start : at - 1].strip())
            start = at
    given = [a if _SIMPLE.fullmatch(a) else f"({a})" for a in arguments if a]
    return given, at


def without_unused(text: str) -> str:
    """Return a text without the functions that nothing in it calls.

    A function begins with `local function` at the left edge, and ends on that line or with the
    next `end` at the left edge.
    """
    blocks = _blocks(text)
    used = _reached(blocks, frozenset())
    return "".join(f"{block}\n" for name, block in blocks if name in used)


def with_seldom(text: str, entries: Sequence[str]) -> str:
    """Return a text that makes some functions, and what only they use, when one is first called.

    Raises:
        ValueError: there is no such function.
    """
    blocks = _blocks(text)
    if unknown := set(entries) - {name for name, _ in blocks}:
        raise ValueError(f"seldom called, but not there: {', '.join(sorted(unknown))}")
    often = _reached(blocks, frozenset(entries))
    seldom = [n for n, (name, _) in enumerate(blocks) if name not in often]
    if not seldom:
        return text
    seldom = sorted({*seldom, *_only_for(blocks, seldom)})
    calls = re.compile(rf"(?<![\w.])({'|'.join(entries)})\(")
    made = ", ".join(f"{name} = {name}" for name in entries)
    group = "\n".join(blocks[n][1] for n in seldom)
    lines = [_SELDOM_HEAD]
    for n, (_, block) in enumerate(blocks):
        if n not in seldom:
            lines.append(calls.sub(r'seldom("\1")(', block))
        if n == seldom[-1]:  # all that the group refers to stands before it
            lines.append(f"make_seldom = function()\n{group}\nreturn {{ {made} }}\nend")
    return "".join(f"{line}\n" for line in lines)


def _only_for(blocks: Sequence[tuple[str, str]], seldom: Sequence[int]) -> set[int]:
    """Return which blocks declare variables that nothing but these functions uses."""
    used = [set(_WORD.findall(_QUOTED.sub("", block))) for _, block in blocks]
    declared = {
        n: set(found[1].split(", "))
        for n, (name, block) in enumerate(blocks)
        if not name and (found := _VARIABLES.match(block)) and "call(" not in block
    }
    while True:
        others = [n for n in range(len(blocks)) if n not in seldom and n not in declared]
        wanted = set().union(*(used[n] for n in others))
        kept = [n for n, names in declared.items() if names & wanted]
        if not kept:
            return set(declared)
        for n in kept:
            del declared[n]


def _reached(blocks: Sequence[tuple[str, str]], barriers: frozenset[str]) -> set[str]:
    """Return the names of functions that are called, but not by way of the barriers."""
    words: dict[str, set[str]] = {}
    for name, block in blocks:
        words.setdefault(name, set()).update(_WORD.findall(_QUOTED.sub("", block)))
    reached: set[str] = set()
    found = {""}
    while found:
        name = found.pop()
        reached.add(name)
        found |= (words[name] & words.keys()) - reached - barriers
    return reached


def _blocks(text: str) -> list[tuple[str, str]]:
    """Return the functions of a text with their names, and its other lines with none, in order.

    A table that is written on more lines is one of them.
    """
    blocks: list[tuple[str, str]] = []
    end = ""
    for line in text.splitlines():
        if end:
            name, block = blocks[-1]
            blocks[-1] = name, f"{block}\n{line}"
            end = "" if line == end else end
        else:
            function = _FUNCTION.match(line)
            blocks.append((function[1] if function else "", line))
            if function is not None and not line.endswith(" end"):
                end = "end"
            elif _VARIABLES.match(line) and line.endswith("{"):
                end = "}"
    return blocks
