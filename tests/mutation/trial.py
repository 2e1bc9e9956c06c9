"""Runs of tests against broken scripts: collected once, each run in a process of its own."""

import os
import select
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pytest

from rq_agent.broker import script_text

TOO_LONG: Final = "(time limit)"
_OPTIONS: Final = (
    *("-q", "-k", "fakeredis", "--timeout=30", "--assert=plain", "--capture=no"),
    *("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)
Report = Callable[[int, str], None]
"""Takes the number of a text and the test that failed with it first; empty: none did."""


def try_all(
    name: str, texts: Sequence[str], tests: Iterable[str], report: Report, *, limit_s: float
) -> None:
    """Let tests meet a Lua file with each of some texts.

    Raises:
        AssertionError: a test fails with the file as it is, or pytest does.
    """
    plugin = _Trials(name, texts, report, limit_s)
    code = pytest.main([*_OPTIONS, *tests], [plugin])
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED), f"{name}: {code}"


class _Trials:
    """Replaces the loop of pytest that runs what was collected."""

    def __init__(self, name: str, texts: Sequence[str], report: Report, limit_s: float) -> None:
        self._name = name
        self._texts = texts
        self._report = report
        self._limit_s = limit_s
        self._catches: Counter[str] = Counter()
        self._failed = ""

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self._failed:
            self._failed = report.nodeid

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        assert not session.testsfailed, f"{self._name}: its tests can't be collected"
        began = time.monotonic()
        failed = self._try(session.items, script_text.read(self._name), limit_s=600)
        assert not failed, f"{self._name}: nothing is broken yet, and {failed} fails"
        limit_s = min(self._limit_s, 20 + 5 * (time.monotonic() - began))
        for n, text in enumerate(self._texts):
            # What caught others of this file comes first.
            items = sorted(session.items, key=lambda item: -self._catches[item.nodeid])
            failed = self._try(items, text, limit_s=limit_s)
            self._catches[failed] += 1
            self._report(n, failed)
        return True

    def _try(self, items: Sequence[pytest.Item], text: str, *, limit_s: float) -> str:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            self._run(items, text, writer)
        os.close(writer)
        try:
            return _await(child, reader, limit_s)
        finally:
            os.close(reader)

    def _run(self, items: Sequence[pytest.Item], text: str, writer: int) -> None:
        """Run tests until one fails, in a child; never returns."""
        os.setsid()
        broken, read = self._name, script_text.read
        script_text.read = lambda name: text if name == broken else read(name)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        said = "(the run itself failed)"
        try:
            for item, following in zip(items, [*items[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._failed:
                    break
            said = self._failed
        finally:
            os.write(writer, said.encode())
            os._exit(0)


def _await(child: int, reader: int, limit_s: float) -> str:
    """Read what a child says; end it, and what it started, when it takes too long."""
    ends_at = time.monotonic() + limit_s
    said = b""
    while time.monotonic() < ends_at:
        if select.select([reader], [], [], max(ends_at - time.monotonic(), 0))[0]:
            part = os.read(reader, 4096)
            if not part:
                os.waitpid(child, 0)
                return said.decode()
            said += part
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return TOO_LONG
