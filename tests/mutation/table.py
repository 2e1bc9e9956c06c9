"""What is known of mutants, for people."""

from collections import Counter
from collections.abc import Iterable

from .results import Result


def as_markdown(results: Iterable[Result]) -> str:
    """Return a count for each file, then what survived, then which test caught what."""
    ordered = sorted(results, key=lambda r: (r.file, r.line, r.change))
    caught = Counter(r.file for r in ordered if r.caught_by)
    total = Counter(r.file for r in ordered)
    lines = ["| file | mutants | caught |", "|---|---|---|"]
    lines += [f"| {name} | {count} | {caught[name]} |" for name, count in total.items()]
    lines += [f"| all | {total.total()} | {caught.total()} |", "", "## Survivors", ""]
    lines += [_line(r) for r in ordered if not r.caught_by]
    lines += ["", "## Caught", ""]
    lines += [f"{_line(r)} → {r.caught_by.rpartition('/')[2]}" for r in ordered if r.caught_by]
    return "\n".join(lines) + "\n"


def _line(result: Result) -> str:
    return f"* {result.file}.lua:{result.line} `{result.change}`"
