"""What was measured, on what: one virtual environment per peer, and what is in each."""

import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

from .registry import VENVS

HARNESS = ["redis", "hiredis", "psutil", "uv"]
_TOLD = {
    *("rq-agent", "rq", "arq", "saq", "taskiq", "taskiq-redis", "dramatiq", "celery", "kombu"),
    *("billiard", "huey", "streaq", "redis", "hiredis", "uvloop", "coredis", "anyio", "msgspec"),
    *("psutil", "uv"),
}
_LIST = (
    "import importlib.metadata as m, json; print(json.dumps({d.metadata['Name'].lower():"
    " d.version for d in m.distributions()}))"
)


def setup(venvs: str) -> Path:
    """Make one environment for the harness and one for each peer at its newest release."""
    root = Path(venvs)
    main = root.parent
    if not (main / "bin/python").exists():
        subprocess.check_call([sys.executable, "-m", "venv", str(main)])
    subprocess.check_call([str(main / "bin/pip"), "install", "-q", "-U", *HARNESS])
    uv = str(main / "bin/uv")
    for name, packages in VENVS.items():
        venv = root / name
        if not venv.exists():
            subprocess.check_call([uv, "venv", "-q", "-p", sys.executable, str(venv)])
        python = str(venv / "bin/python")
        install = [uv, "pip", "install", "-q", "-U", "--compile-bytecode", "-p", python]
        subprocess.check_call([*install, *packages])
        print("ready", name, file=sys.stderr, flush=True)
    return main / "bin/python"


def versions(venvs: str, redis: str) -> dict[str, str]:
    """Return machine, Python, server and packages by name."""
    cpu = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    system = platform.freedesktop_os_release()["PRETTY_NAME"]
    told = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "machine": f"{os.cpu_count()} x {cpu.group(1) if cpu else platform.machine()},"
        f" {memory_gib:.0f} GiB, {platform.release()}, {system}",
        "python": f"{platform.python_version()} {platform.python_compiler()}",
        "redis": _output(redis, "--version"),
        "harness": _packages(Path(venvs).parent),
    }
    return told | {name: _packages(Path(venvs) / name) for name in VENVS}


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    except FileNotFoundError:
        return "absent"


def _packages(venv: Path) -> str:
    try:
        found = json.loads(subprocess.check_output([f"{venv}/bin/python", "-c", _LIST]))
    except (OSError, subprocess.CalledProcessError):
        return "absent"
    return ", ".join(
        f"{name} {version}" for name, version in sorted(found.items()) if name in _TOLD
    )
