"""The commands of a page: what stands in its `console` blocks, and how they are to be run.

A comment right before a block says more of it:

    <!-- save: train.py -->        the block is a file, not commands
    <!-- exit: 2 -->               its last command ends with this code
    <!-- background -->            its command stays until the page ends; its output is waited for
    <!-- not run: needs a GPU -->  it is shown only, for this reason
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

_BLOCK: Final = re.compile(
    r"^(?:<!-- (?P<note>[^\n]*?) -->\n+)?```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """One command and what the page shows of its output."""

    line: int
    """In the page, from 1."""
    text: str
    shown: tuple[str, ...]
    exit_code: int = 0
    is_background: bool = False


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the commands below it use."""

    line: int
    name: str
    text: str


class NotRun(msgspec.Struct, frozen=True, kw_only=True):
    """A block that is only shown."""

    line: int
    reason: str


Step = Command | File | NotRun


def steps(page: Path) -> list[Step]:
    """Return what a page does, in its order."""
    return list(parse(page.read_text("utf-8")))


def parse(text: str) -> Iterator[Step]:
    """Yield what a page does, in its order."""
    for block in _BLOCK.finditer(text):
        note, kind = block["note"] or "", block["kind"]
        line = text.count("\n", 0, block.start("text"))
        name, _, value = note.partition(": ")
        if name == "save":
            yield File(line=line, name=value, text=block["text"])
        elif name == "not run":
            yield NotRun(line=line, reason=value)
        elif kind == "console":
            yield from _commands(block["text"], line, note)
        elif kind in ("bash", "sh", "shell"):
            raise ValueError(f"line {line}: commands stand in `console` blocks, after a $")


def _commands(text: str, line: int, note: str) -> Iterator[Command]:
    found: list[tuple[int, str, list[str]]] = []
    for number, each in enumerate(text.splitlines(), start=line + 1):
        if each.startswith("$ "):
            found.append((number, each.removeprefix("$ "), []))
        elif not found:
            raise ValueError(f"line {number}: a console block begins with $")
        elif found[-1][1].endswith("\\"):
            found[-1] = (found[-1][0], f"{found[-1][1]}\n{each}", [])
        else:
            found[-1][2].append(each)
    for n, (number, command, shown) in enumerate(found, start=1):
        is_last = n == len(found)
        code = int(note.removeprefix("exit: ")) if is_last and note.startswith("exit: ") else 0
        yield Command(
            line=number,
            text=command,
            shown=tuple(each for each in shown if each.strip()),
            exit_code=code,
            is_background=is_last and note == "background",
        )
