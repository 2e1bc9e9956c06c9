"""One run of some tests against one broken script, in a process of its own."""

import os
import select
import signal
import time
from collections.abc import Sequence
from typing import Any, Final

import pytest

from rq_agent.broker import scripts

TOO_LONG: Final = "(time limit)"
_BROKEN: Final = "(pytest itself failed)"
_OPTIONS: Final = (
    *("-x", "-q", "-k", "fakeredis", "--timeout=30", "--assert=plain"),
    *("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


class _FirstFailure:
    """Remembers which test failed first."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid


def caught_by(name: str, text: str, tests: Sequence[str], *, limit_s: float) -> str:
    """Return the first test that fails when the Lua file has this text; empty when none does."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _in_child(name, text, tests, writer)
    os.close(writer)
    try:
        return _await(child, reader, limit_s)
    finally:
        os.close(reader)


def _await(child: int, reader: int, limit_s: float) -> str:
    """Read what the child says; end it, and what it started, when it takes too long."""
    ends_at = time.monotonic() + limit_s
    said = b""
    while time.monotonic() < ends_at:
        if select.select([reader], [], [], max(ends_at - time.monotonic(), 0))[0]:
            part = os.read(reader, 4096)
            if not part:
                os.waitpid(child, 0)
                assert said.decode() != _BROKEN, _BROKEN
                return said.decode()
            said += part
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG


def _in_child(broken: str, text: str, tests: Sequence[str], writer: int) -> None:
    """Run the tests; never returns."""
    os.setsid()
    read = scripts._read
    scripts._read = lambda name: text if name == broken else read(name)
    failure = _FirstFailure()
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    said = _BROKEN
    try:
        code = pytest.main([*_OPTIONS, *tests], [failure])
        if code in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            said = failure.name
    finally:
        os.write(writer, said.encode())
        os._exit(0)
