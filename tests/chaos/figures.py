"""One line of figures for each scenario: printed, and kept for the table of `make chaos`."""

import json
import os
import time
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Final

from .sizes import IS_LONG

FILE: Final = Path(__file__).parents[2] / "build" / "chaos.jsonl"

Value = int | float | str


def note(scenario: str, **figures: Value) -> None:
    """Print and keep what one scenario measured. Call it once, after its last assertion.

    Args:
        scenario: its name in the table and in docs/reliability.md.
        figures: by name, with the unit at the end: recovery_p99_s, lost, kills.
    """
    words = "  ".join(f"{name}={_text(value)}" for name, value in figures.items())
    print(f"\nchaos: {scenario}: {words}", flush=True)  # noqa: T201 - what the test is for
    line = {"scenario": scenario, "long": IS_LONG, "at": int(time.time()), "figures": figures}
    FILE.parent.mkdir(exist_ok=True)
    with os.fdopen(os.open(FILE, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), "w") as file:
        file.write(json.dumps(line) + "\n")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of at least one value."""
    ordered = sorted(values)
    return ordered[max(0, ceil(percent / 100 * len(ordered)) - 1)]


def _text(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
