"""Break each guard of each Lua file in turn, and tell which test notices.

    python -m tests.mutation [--out FILE] [--part N/M] [--limit-s S] [--all] [--again] [name ..]
    python -m tests.mutation --table [--out FILE]

Each mutant meets the tests of its own script and then a short run of the model, on fakeredis;
with --all, what survived meets every test of scripts. Results are added to FILE, one JSON object
a line; what stands there for the same text is not tried once more, so a run that was broken off
goes on.
"""

import argparse
import os
import sys
from pathlib import Path

from .mutants import Mutant, mutants
from .results import Result, add, digest_of, read
from .selection import LUA, TESTS, is_sound, names, related
from .table import as_markdown
from .trial import try_all

_MODEL = str(TESTS / "model" / "test_model.py")
_SHORT_MODEL = {
    "MODEL_SERVERS": "fakeredis",
    "MODEL_LIVES": "14",
    "MODEL_STEPS": "100",
    "MODEL_SHRINK": "0",
    "MODEL_CHECK_EVERY": "3",
}


def main() -> None:
    arguments = _parse()
    if arguments.table:
        sys.stdout.write(as_markdown(read(arguments.out).values()))
        return
    os.environ |= _SHORT_MODEL
    number, parts = (int(n) for n in arguments.part.split("/"))
    for name in (arguments.names or names())[number - 1 :: parts]:
        child = os.fork()  # pytest runs once in a process
        if child == 0:
            code = 1
            try:
                _try_file(name, arguments)
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        if status:
            sys.stderr.write(f"{name}: not tried, see above\n")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation")
    parser.add_argument("--out", type=Path, default=Path("build/mutation.jsonl"))
    parser.add_argument("--part", default="1/1", help="the n-th of m parts, to run some at a time")
    parser.add_argument("--limit-s", type=float, default=120, help="for each mutant")
    parser.add_argument("--all", action="store_true", help="let survivors meet all tests")
    parser.add_argument("--again", action="store_true", help="try survivors once more")
    parser.add_argument("--table", action="store_true", help="print what is known")
    parser.add_argument("names", nargs="*", help="of Lua files, without .lua; all")
    return parser.parse_args()


def _try_file(name: str, arguments: argparse.Namespace) -> None:
    tried = 3 if arguments.all else 2
    known = read(arguments.out)
    wanted: list[tuple[str, Mutant]] = []
    for mutant in mutants((LUA / f"{name}.lua").read_text("utf-8")):
        old = known.get(digest_of(name, mutant.text))
        is_again = arguments.again and old is not None and not old.caught_by
        is_known = old is not None and (old.caught_by or old.tried >= tried) and not is_again
        if not is_known and is_sound(name, mutant.text):
            wanted.append((digest_of(name, mutant.text), mutant))

    def report(n: int, caught_by: str) -> None:
        digest, mutant = wanted[n]
        add(
            arguments.out,
            Result(name, mutant.line, mutant.change, digest, caught_by, tried),
        )

    if wanted:
        tests = [str(TESTS / "scripts")] if arguments.all else [*related(name), _MODEL]
        texts = [mutant.text for _, mutant in wanted]
        try_all(name, texts, tests, report, limit_s=arguments.limit_s)


if __name__ == "__main__":
    main()
