"""Hosts run in the interpreters that users have, not only in ours."""

import shutil
import sys
from pathlib import Path

import pytest

from .driving import Driven

VERSIONS = ("3.9", "3.13", "3.14")


def interpreter(version: str) -> str:
    """An interpreter of that version on this machine, or a skip."""
    installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    found = [*map(str, installed), shutil.which(f"python{version}")]
    if found[0] is None or version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        pytest.skip(f"no other Python {version} on this machine")
    return found[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_calls_run_print_fail_and_are_stopped(version: str, tmp_path: Path, cache: Path) -> None:
    host = Driven(tmp_path, cache, python=interpreter(version), lag_s=0.3)
    name = host.module(
        """
        import asyncio, threading, time
        lock = asyncio.Lock()
        async def child(): await asyncio.sleep(3600)
        async def main(a: int):
            async with lock:
                thread = threading.Thread(target=print, args=("from a thread",))
                thread.start()
                thread.join()
            return a
        async def leaves():
            asyncio.create_task(child())
        async def fails(): 1 / 0
        async def sleeps():
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await asyncio.sleep(3600)
        async def blocks(): time.sleep(0.7)
        """
    )
    try:
        assert str(host.report("ready")[1]).startswith(version)
        done = host.run(f"{name}:main", 5)
        assert (done.result, host.output(done.key)) == ("5", "from a thread\n")
        assert host.run(f"{name}:leaves").outcome == "succeeded"
        assert host.run(f"{name}:fails").reason == "ZeroDivisionError: division by zero"
        assert host.run(f"{name}:sleeps", timeout_s=0.1, grace_s=0.1).outcome == "timed_out"
        key = host.start(f"{name}:blocks")
        assert "in blocks" in host.report("blocked", key)[2]
    finally:
        host.close()
