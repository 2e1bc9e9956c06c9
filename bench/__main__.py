"""`python -m bench [part ...] [--quick] [--json FILE]`."""

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import anyio

from . import (
    cli_start,
    drain,
    enqueue,
    environment,
    idle,
    latency,
    lookups,
    machine,
    memory,
    relay,
    report,
    retention,
    scripts,
    subprocess_rate,
)
from .figure import FULL, QUICK, Effort, Figure
from .goals import judged

PARTS = {
    "enqueue": enqueue.measure,
    "drain": drain.measure,
    "latency": latency.measure,
    "subprocess": subprocess_rate.measure,
    "idle": idle.measure,
    "lookups": lookups.measure,
    "memory": memory.measure,
    "scripts": scripts.measure,
    "retention": retention.measure,
    "cli": cli_start.measure,
    "environment": environment.measure,
    "relay": relay.measure,
}


def main() -> None:
    """Measure what is asked for, then show it."""
    options = _options()
    before = machine.settings()
    effort = QUICK if options.quick else FULL
    started_s = time.monotonic()
    figures = anyio.run(
        partial(_measure, options.part or list(PARTS), effort),
        backend_options={"use_uvloop": sys.platform != "win32"},
    )
    facts = {
        **before,
        "load after": machine.load(),
        "took": f"{time.monotonic() - started_s:.0f} s",
        "effort": str(effort).removeprefix("Effort"),
    }
    rows = judged(figures)
    report.show(figures, rows, facts)
    if options.json:
        report.write(options.json, figures, rows, facts)


async def _measure(names: Sequence[str], effort: Effort) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        figures += await PARTS[name](effort, _say)
    return figures


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure rq-agent.")
    parser.add_argument("part", nargs="*", help=f"{', '.join(PARTS)}; all if none is named")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter repeats")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    if unknown := [name for name in options.part if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; choose from {', '.join(PARTS)}")
    return options


if __name__ == "__main__":
    main()
