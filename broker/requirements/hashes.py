"""Leave out the hashes of files that no worker can install: they fill definitions for nothing."""

import re
from typing import Final

from .uv_lock_form import Lock

_NO_WORKER: Final = re.compile(
    r"-(pp\d+|graalpy\d+)-.*\.whl$|-(win32|win_\w+|ios_\w+|android_\w+|\w*wasm32)\.whl$"
)
"""Workers run CPython on Linux and macOS."""


def useless(lock: Lock) -> frozenset[str]:
    """Return the hashes of wheels in a uv.lock that fit no platform of a worker."""
    wheels = [wheel for package in lock.packages for wheel in package.wheels]
    return frozenset(
        wheel.hash
        for wheel in wheels
        if _NO_WORKER.search(wheel.url or wheel.path or wheel.filename)
    )


def without(line: str, left_out: frozenset[str]) -> str:
    """Return a requirement line less some hashes; as it is if no other hash would remain."""
    words = line.split(" --hash=")
    kept = [word for word in words[1:] if word not in left_out]
    return " --hash=".join([words[0], *kept]) if kept else line
