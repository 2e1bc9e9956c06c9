"""Has imported everything; forks light workers in milliseconds. Speaks lines of JSON.

It does not reap a worker before it is told to: until then a pid is nobody else's.
"""

import logging
import os
import signal
import sys
import traceback
from functools import partial
from pathlib import Path

import anyio
import msgspec

from rq_agent.worker.process.prctl import die_with_parent

from .ledger import Pen
from .light import Light, work


class Fork(msgspec.Struct, frozen=True, tag=True):
    """Start a worker; the answer is its pid."""

    light: Light


class Reap(msgspec.Struct, frozen=True, tag=True):
    """Wait for a worker that was killed; the answer is its status."""

    pid: int


def main() -> None:
    """Do what stdin says until it ends; then end all workers that are left."""
    die_with_parent()
    alive: set[int] = set()
    try:
        for line in sys.stdin.buffer:
            _answer(_obey(msgspec.json.decode(line, type=Fork | Reap), alive))
    finally:
        for pid in alive:
            os.kill(pid, signal.SIGKILL)
        for pid in alive:
            os.waitpid(pid, 0)


def _obey(order: Fork | Reap, alive: set[int]) -> int:
    if isinstance(order, Reap):
        _, status = os.waitpid(order.pid, 0)
        alive.discard(order.pid)
        return status
    if (pid := os.fork()) == 0:
        _be(order.light)
    alive.add(pid)
    return pid


def _answer(number: int) -> None:
    sys.stdout.buffer.write(b"%d\n" % number)
    sys.stdout.buffer.flush()


def _be(light: Light) -> None:
    """Be that worker, in the child. Never returns."""
    try:
        die_with_parent()
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)  # stderr stays: it is the test's
        logging.basicConfig(filename=f"{light.ledger}.log", level=logging.INFO)
        pen = Pen(Path(light.ledger), worker=light.name, pid=os.getpid())
        anyio.run(partial(work, light, pen), backend_options={"use_uvloop": True})
    except Exception:
        traceback.print_exc()
        raise
    finally:
        os._exit(0)  # whatever happened, the child must not go on as a zygote


if __name__ == "__main__":
    main()
