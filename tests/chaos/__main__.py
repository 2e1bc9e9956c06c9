"""The table of `make chaos`: the last figures of every scenario that ran.

--fresh        forget them
--page PATH    write them into a page, between the two comments that say `chaos`
"""

import argparse
import json
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from .figures import FILE

_BEGIN: Final = "<!-- chaos: begin -->"
_END: Final = "<!-- chaos: end -->"

Line = dict[str, Any]


def main() -> None:
    """Print the table, write it into a page, or begin a new one."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--page", type=Path)
    wanted = parser.parse_args()
    if wanted.fresh:
        FILE.unlink(missing_ok=True)
    elif wanted.page:
        wanted.page.write_text(
            _replaced(wanted.page.read_text("utf-8"), last(only_long=True)), "utf-8"
        )
    else:
        _show(last())


def last(*, only_long: bool = False) -> dict[str, Line]:
    """Return the last line of each scenario, in the order in which they first ran.

    `only_long`: of its long form, also where the short one ran since.
    """
    lines = [json.loads(line) for line in FILE.read_text().splitlines()] if FILE.exists() else []
    return {line["scenario"]: line for line in lines if line["long"] or not only_long}


def _show(lines: dict[str, Line]) -> None:
    table = Table("scenario", "form", "figures", title="chaos")
    for scenario, line in lines.items():
        table.add_row(scenario, "long" if line["long"] else "short", _words(line))
    Console().print(table)


def _replaced(page: str, lines: dict[str, Line]) -> str:
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    rows = [f"| {name} | {_words(line)} |" for name, line in lines.items()]
    table = "\n".join(["| scenario | figures |", "|---|---|", *rows])
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def _words(line: Line) -> str:
    return ", ".join(f"{name} {_text(value)}" for name, value in line["figures"].items())


def _text(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
