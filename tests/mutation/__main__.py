"""Break each guard of each Lua file in turn, and tell which test notices.

    python -m tests.mutation [--out FILE] [--part N/M] [--limit-s S] [--all] [file ..]

Results are added to FILE, one JSON object a line; what stands there for the same text is not
tried once more, so a run that was broken off goes on. Each mutant meets the tests of its own
script first, then a short run of the model, then (--all) every test of scripts.
"""

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from .mutants import Mutant, mutants
from .selection import LUA, TESTS, is_sound, names, related
from .trial import caught_by

_MODEL = str(TESTS / "model" / "test_model.py")


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
    """How many kinds of tests it met: 1 its own, 2 the model too, 3 all."""


def main() -> None:
    arguments = _parse()
    os.environ |= {"MODEL_SERVERS": "fakeredis", "MODEL_LIVES": "6", "MODEL_STEPS": "60"}
    os.environ |= {"MODEL_SHRINK": "0", "MODEL_CHECK_EVERY": "3"}
    out = Path(arguments.out)
    known = {result.digest: result for result in read(out)}
    number, parts = (int(n) for n in arguments.part.split("/"))
    _check_unbroken(arguments.limit_s)
    wanted = list(_all(arguments.files or names()))[number - 1 :: parts]
    most = 3 if arguments.all else 2
    with out.open("ab") as results:
        for name, mutant in wanted:
            digest = hashlib.sha256(f"{name}\0{mutant.text}".encode()).hexdigest()[:16]
            old = known.get(digest)
            if old and (old.caught_by or old.tried >= most):
                continue
            result = _try(name, mutant, digest, arguments.limit_s, old.tried if old else 0, most)
            results.write(msgspec.json.encode(result) + b"\n")
            results.flush()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--out", default="build/mutation.jsonl")
    parser.add_argument("--part", default="1/1", help="the n-th of m parts, to run some at a time")
    parser.add_argument("--limit-s", type=float, default=120, help="for each kind of tests")
    parser.add_argument("--all", action="store_true", help="let survivors meet all tests")
    parser.add_argument("files", nargs="*", help="names of Lua files without .lua; all")
    return parser.parse_args()


def _all(files: list[str]) -> Iterator[tuple[str, Mutant]]:
    for name in files:
        for mutant in mutants((LUA / f"{name}.lua").read_text("utf-8")):
            if is_sound(name, mutant.text):
                yield name, mutant


def _check_unbroken(limit_s: float) -> None:
    """The tests pass when nothing is broken, or every mutant would seem to be caught."""
    text = (LUA / "prelude.lua").read_text("utf-8")
    for tests in (related("finish"), [_MODEL]):
        failed = caught_by("prelude", text, tests, limit_s=limit_s)
        if failed:
            sys.exit(f"nothing is broken yet, and {failed} fails")


def _try(name: str, mutant: Mutant, digest: str, limit_s: float, done: int, most: int) -> Result:
    kinds = [related(name), [_MODEL], [str(TESTS / "scripts")]]
    caught, tried = "", done
    while not caught and tried < most:
        tests = kinds[tried]
        caught = caught_by(name, mutant.text, tests, limit_s=limit_s) if tests else ""
        tried += 1
    return Result(name, mutant.line, mutant.change, digest, caught, tried)


def read(out: Path) -> list[Result]:
    """Return what is known, the last word on each mutant."""
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        return []
    lines = out.read_bytes().splitlines()
    found = [msgspec.json.decode(line, type=Result) for line in lines]
    return list({result.digest: result for result in found}.values())


if __name__ == "__main__":
    main()
