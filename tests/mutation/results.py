"""What is known of mutants, kept in a file so that a run can be taken up again."""

import hashlib
from pathlib import Path

import msgspec


class Result(msgspec.Struct, frozen=True):
    """What became of one mutant."""

    file: str
    line: int
    change: str
    digest: str
    """Of the broken text."""
    caught_by: str
    """Empty: it survived."""
    tried: int
    """2: it met its own tests and the model; 3: every test of scripts too."""


def digest_of(name: str, text: str) -> str:
    return hashlib.sha256(f"{name}\0{text}".encode()).hexdigest()[:16]


def read(path: Path) -> dict[str, Result]:
    """Return the last word on each mutant, by digest."""
    if not path.exists():
        return {}
    found = [msgspec.json.decode(line, type=Result) for line in path.read_bytes().splitlines()]
    return {result.digest: result for result in found}


def add(path: Path, result: Result) -> None:
    """Keep a result: one line, so that several processes may write."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")
