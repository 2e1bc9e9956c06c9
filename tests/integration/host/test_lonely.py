"""A host whose worker has gone for good ends by itself; and answers what it can't read."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from .driving import Driven, wait_for

LONELY_S = 0.1
WAITS = {
    "coroutine": "import asyncio, os\nasync def main(path):\n"
    "    while not os.path.exists(path): await asyncio.sleep(0.02)\n",
    "process": "import os, time\ndef main(path):\n"
    "    while not os.path.exists(path): time.sleep(0.02)\n",
}


@pytest.fixture(params=["coroutine", "process"])
def one(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Iterator[Driven]:
    driven = Driven(tmp_path, cache, kind=request.param)
    yield driven
    driven.close()


def test_a_host_that_nobody_needs_ends_and_leaves_its_reports(one: Driven) -> None:
    one.say("hello", {"lonely_s": LONELY_S})
    name = one.module(WAITS[one.kind])
    path = one.work / "end"
    first = one.start(f"{name}:main", str(one.work))
    key = one.start(f"{name}:main", str(path))
    one.done(first)
    if one.kind == "coroutine":  # the fork host has its process
        one.report("pulse")
    with pytest.raises(Exception, match="timed out"):
        one.process.wait(3 * LONELY_S)  # connected
    one.socket.close()
    with pytest.raises(Exception, match="timed out"):
        one.process.wait(3 * LONELY_S)  # it runs something

    path.touch()

    wait_for(lambda: one.process.poll() is not None)
    assert one.process.returncode == 0
    assert one.done(key).outcome == "succeeded"
    assert one.own_output.read_text() == ""


def test_a_call_that_can_not_be_read_is_answered(one: Driven) -> None:
    good = one.module(WAITS[one.kind])
    one.say(
        "start",
        [
            ["a.1", f"{good}:main", "no list", 0, 5, "its note", True],
            ["b.1"],
            [7, "no key"],
            {"no": "entry"},
            ["x" * 129, "a key that nobody has"],
            ["c.1", f"{good}:main", [[str(one.work)], {}], 0, 5, "", True],
        ],
    )

    assert one.done("a.1")[1:3] == ("errored", None)
    assert one.done("a.1").reason.startswith("the host can't read the call: ")
    assert one.done("a.1").note == "its note"
    assert one.done("b.1").outcome == "errored"
    assert one.done("c.1").outcome == "succeeded"
    assert len(one.ended()) == 3
    assert one.own_output.read_text().count("not a call") == 3
