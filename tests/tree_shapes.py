"""Programs that try to outlive their end, each in its own way, and a look for what is left of them.

All processes of one keep its command line, so they are found by a mark in it, whatever else they do.
Each opens the fifo `ready` of its folder, for writing, when all of it stands.
"""

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import anyio
import anyio.lowlevel
import msgspec

from rq_agent.worker.process.handle import Handle
from rq_agent.worker.process.launcher import Launcher
from rq_agent.worker.process.spec import Spec

_HEAD: Final = """
import os, sys, signal, time
MARK = {mark!r}
def ready():
    with open("ready", "w") as fifo:
        fifo.write("ready")
def forever():
    while True:
        signal.pause()
def spawn(then):
    pid = os.fork()
    if pid == 0:
        try:
            then()
        finally:
            os._exit(0)
    return pid
def ignore_all():
    for number in signal.valid_signals() - {{9, 19}}:
        try:
            signal.signal(number, signal.SIG_IGN)
        except OSError:
            pass
"""

SHAPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "plain": "ready(); forever()",
        "daemon": """
def daemon():
    os.setsid()
    spawn(lambda: (os.chdir("/"), os.closerange(0, 64), os.umask(0), forever()))
spawn(daemon)
ready(); forever()
""",
        "deaf": """
ignore_all()
for _ in range(3):
    spawn(lambda: (os.setsid(), ignore_all(), forever()))
ready(); forever()
""",
        "chain": """
def link(left):
    if left:
        spawn(lambda: (os.setsid(), link(left - 1)))
    else:
        ready()
    forever()
link(40)
""",
        "crowd": """
for _ in range({crowd}):
    spawn(forever)
ready(); forever()
""",
        "without variables": """
if os.environ.get("PATH"):  # Python itself may set others
    spawn(lambda: (os.setsid(), os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {{}})))
else:
    ready()
forever()
""",
        "stopped": """
def stopped():
    os.setsid()
    while True:
        os.kill(os.getpid(), signal.SIGSTOP)
pids = [spawn(stopped) for _ in range(5)]
for pid in pids:
    os.waitpid(pid, os.WUNTRACED)
ready(); forever()
""",
        # One process at a time, never the same for long, in a session of its own each time.
        "runner": """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def hop():
    while True:
        os.setsid()
        if os.fork():
            os._exit(0)
for _ in range(3):
    spawn(hop)
ready(); forever()
""",
        # Two that make each other anew.
        "phoenix": """
def watch(other):
    ignore_all()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    while True:
        if other is None:
            me = os.getpid()
            other = spawn(lambda: watch(me))
        try:
            os.kill(other, 0)
            os.waitpid(-1, os.WNOHANG)
        except (ProcessLookupError, ChildProcessError):
            try:
                os.kill(other, 0)
            except ProcessLookupError:
                other = None
for _ in range(2):
    spawn(lambda: (os.setsid(), watch(None)))
ready(); forever()
""",
        "adopter": """
import ctypes
def adopt():
    os.setsid()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    spawn(lambda: spawn(lambda: (os.setsid(), forever())))
    forever()
spawn(adopt)
ready(); forever()
""",
        # Each that dies is followed by another one, up to a number at a time.
        "bomb": """
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
ends = time.monotonic() + 60
def burst(depth):
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while depth and time.monotonic() < ends:
        spawn(lambda: burst(depth - 1))
        spawn(lambda: burst(depth - 1))
        time.sleep(0.05)
        depth -= 1
    forever()
ready()
burst({depth})
""",
        "threads": """
import threading
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
def breed():
    for _ in range(200):
        spawn(lambda: (os.setsid(), time.sleep(0.2), forever()))
        time.sleep(0.005)
for _ in range(2):
    threading.Thread(target=breed, daemon=True).start()
ready(); forever()
""",
    }
)


class Size(msgspec.Struct, frozen=True):
    """How many processes a shape has."""

    crowd: int = 100
    depth: int = 5
    """Of the bomb: up to 2 ** depth processes and some."""


USUAL: Final = Size()


def argv(shape: str, mark: str, size: Size = USUAL, *, python: str = sys.executable) -> list[str]:
    """Return the command of a shape."""
    code = (_HEAD + SHAPES[shape]).format(mark=mark, crowd=size.crowd, depth=size.depth)
    return [python, "-I", "-S", "-c", code]


async def standing(
    launcher: Launcher,
    folder: Path,
    shape: str,
    size: Size = USUAL,
    *,
    python: str = sys.executable,
) -> tuple[Handle, str]:
    """Start a shape in a new folder; return it and its mark as soon as all of it stands."""
    mark = secrets.token_hex(8)
    os.mkfifo(folder / "ready", 0o666)
    ready = os.open(folder / "ready", os.O_RDWR | os.O_NONBLOCK)
    try:
        command = tuple(argv(shape, mark, size, python=python))
        spec = Spec(argv=command, env={"PATH": os.environ["PATH"]}, cwd=str(folder))
        handle = await launcher.start(spec, folder)
        with anyio.fail_after(30):
            await anyio.wait_readable(ready)
    finally:
        os.close(ready)
    return handle, mark


async def survivors(mark: str, *, within_s: float) -> set[int]:
    """Return who still lives after a time; returns as soon as nobody does."""
    with anyio.move_on_after(within_s):
        while living(mark):
            await anyio.lowlevel.checkpoint()
    return living(mark)


def living(mark: str) -> set[int]:
    """Return the pids of the processes that have a mark in their command line."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal() and int(folder.name) != os.getpid() and _has(folder, mark):
            found.add(int(folder.name))
    return found


def _has(folder: Path, mark: str) -> bool:
    try:
        return mark.encode() in (folder / "cmdline").read_bytes()  # empty once it is dead
    except OSError:
        return False
