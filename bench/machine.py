"""What the figures were measured on and with."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from rq_agent.broker.embedded import binary

_PACKAGES: Final = ("rq-agent", "redis", "hiredis", "anyio", "uvloop", "msgspec", "uv")
_ROOT: Final = Path(__file__).resolve().parent.parent


def settings() -> dict[str, str]:
    """Return names and values, in the order to show them."""
    return {
        "date": datetime.now(UTC).isoformat(sep=" ", timespec="seconds"),
        "commit": _commit(),
        "machine": f"{os.cpu_count()} CPUs ({_cpu()}), "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.release()}",
        "load before": load(),
        "python": f"{platform.python_version()} {platform.python_compiler()}",
        "server": str(binary.find().version),
        "packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
    }


def load() -> str:
    """Return the load averages of 1, 5 and 15 minutes: above 0 before a run is noise."""
    return " ".join(f"{average:.2f}" for average in os.getloadavg())


def _commit() -> str:
    """Return the commit of the working tree, marked when files differ from it."""
    told = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or "unknown"


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
