"""What each kind of host must do, whatever it runs its calls in. See worker/host/__init__.py."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..integration.host.driving import Driven

KINDS = {"coroutine": "async def", "process": "def"}


@pytest.fixture(scope="module", params=sorted(KINDS))
def host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Driven]:
    folder = tmp_path_factory.mktemp(request.param)
    driven = Driven(folder, folder / "cache", kind=request.param)
    yield driven
    driven.close()


@pytest.fixture
def other(host: Driven, tmp_path: Path) -> Iterator[Driven]:
    """A host of the same kind, for one test."""
    driven = Driven(tmp_path, tmp_path / "cache", kind=host.kind)
    yield driven
    driven.close()


def written(host: Driven, source: str) -> str:
    """A module of this source, whose functions are of the kind that the host runs."""
    return host.module(source.replace("DEF", KINDS[host.kind]))


def sleeper(host: Driven) -> str:
    sleep = "await asyncio.sleep(600)" if host.kind == "coroutine" else "time.sleep(600)"
    handler = "" if host.kind == "coroutine" else "signal.signal(15, lambda *_: sys.exit(3))"
    return written(
        host,
        f"""
        import asyncio, signal, sys, time
        DEF main():
            {handler}
            try:
                print("begun", flush=True)
                {sleep}
            finally:
                print("tidied up", flush=True)
        """,
    )


def segments(host: Driven) -> list[int]:
    """The numbers of the files of reports that are there."""
    return [int(one.name[len("reports.") :]) for one in host.folder.glob("reports.*")]


def test_it_says_first_who_it_is_and_answers_hello(other: Driven) -> None:
    pid, version, loop = other.report("ready")

    assert other.reports[0][0] == "ready"
    assert pid == other.process.pid
    assert version[:2] == "3."
    assert loop in ("uvloop", "asyncio", "fork")
    assert other.report("state")[0] == []


def test_arguments_come_in_and_a_result_goes_out(host: Driven) -> None:
    name = written(
        host,
        """
        from datetime import date
        DEF main(at: date, *more, late=None):
            return {"year": at.year, "more": more, "late": late}
        """,
    )

    done = host.run(f"{name}:main", "2026-01-31", 1, late="ö")

    assert done[1:4] == ("succeeded", 0, "")
    assert json.loads(done.result or "") == {"year": 2026, "more": [1], "late": "ö"}
    assert done.note == f"of {done.key}"
    assert 0 <= done.lasted_ms < 20_000


@pytest.mark.parametrize(
    ("body", "args", "outcome", "code", "reason"),
    [
        ("raise ValueError('bad')", [], "failed", 1, "ValueError: bad"),
        ("raise SystemExit(7)", [], "failed", 7, "exit 7"),
        ("raise SystemExit", [], "succeeded", 0, ""),
        ("raise KeyboardInterrupt", [], "failed", 130, "KeyboardInterrupt"),
        ("return object()", [], "failed", 1, "its result can't be encoded: object at result"),
        ("return float('nan')", [], "failed", 1, "its result can't be encoded: nan at result"),
        ("pass", [1, 2], "failed", 1, "main(a=None): takes at most 1 positional arguments, got 2"),
    ],
)
def test_a_call_ends_as_its_function_ends(
    host: Driven, body: str, args: list[int], outcome: str, code: int, reason: str
) -> None:
    name = written(host, f"DEF main(a=None):\n    {body}\n")

    done = host.run(f"{name}:main", *args)

    assert done[1:3] == (outcome, code)
    assert done.reason.startswith(reason)
    assert (done.result is None) == (outcome == "failed")


def test_what_is_not_there_is_said_in_words(host: Driven) -> None:
    name = written(host, "DEF main(): pass\n")

    assert host.run(f"{name}:mian").reason.endswith("did you mean 'main'?")
    assert host.run("nowhere_x:main").reason.startswith("no module named 'nowhere_x'")


def test_an_error_of_the_users_stands_on_stderr_without_frames_of_ours(host: Driven) -> None:
    name = written(host, "DEF main():\n    1 / 0\n")

    done = host.run(f"{name}:main")

    lines = host.output(done.key, "err").splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{host.work / name}.py", line 2, in main'
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert sum("File " in line for line in lines) == 1


def test_output_is_whole_and_stands_before_the_end(host: Driven) -> None:
    name = written(
        host,
        """
        import sys
        DEF main():
            print("ä" * 50_000, end="")
            sys.stderr.write("half a line")
        """,
    )

    done = host.run(f"{name}:main")

    last = max(i for i, one in enumerate(host.reports) if one[:2] == ["out", done.key])
    ends = [i for i, one in enumerate(host.reports) if one[0] == "done" and done.key in str(one)]
    assert [last < i for i in ends] == [True]
    assert host.output(done.key) == "ä" * 50_000
    assert host.output(done.key, "err") == "half a line"


@pytest.mark.parametrize(
    ("cause", "outcome"), [("cancelled", "cancelled"), ("released", "released")]
)
def test_a_call_is_stopped_and_may_tidy_up(host: Driven, cause: str, outcome: str) -> None:
    key = host.start(f"{sleeper(host)}:main")
    host.printed(key, "begun")

    host.say("cancel", key, 10, cause)

    assert host.done(key)[1:2] == (outcome,)
    assert host.output(key) == "begun\ntidied up\n"


def test_a_call_whose_time_is_over_is_timed_out(host: Driven) -> None:
    done = host.run(f"{sleeper(host)}:main", timeout_s=0.3)

    assert (done.outcome, done.reason) == ("timed_out", "timed out after 0.3 s")
    assert done.lasted_ms >= 290


def test_what_runs_already_and_what_does_not_run_are_passed_over(host: Driven) -> None:
    key = host.start(f"{sleeper(host)}:main")
    host.printed(key, "begun")

    host.say("start", [[key, "nowhere_x:main", [[], {}], 0, 1, "another", True]])
    host.say("cancel", "nobody.1", 1, "cancelled")
    host.say("cancel", key, 10, "cancelled")

    assert host.done(key).note == f"of {key}"
    assert "nobody.1" not in host.ended()


def test_calls_go_on_without_a_worker_and_the_next_one_hears_of_them(host: Driven) -> None:
    key = host.start(f"{sleeper(host)}:main")
    host.printed(key, "begun")
    host.socket.close()
    host.reports.clear()

    host.connect()

    ((told, note, started),) = host.report("state")[0]
    assert (told, note) == (key, f"of {key}")
    assert abs(started - time.time()) < 20
    host.say("cancel", key, 10, "cancelled")
    assert host.done(key).outcome == "cancelled"


def test_nonsense_is_passed_over(host: Driven) -> None:
    host.say_bytes(b'\xff\n[]\n{}\nnull\n[1]\n["start"]\n["start", [[1]]]\n')
    host.say("start", [["k.1", "m:f", [[], 3], 0, 0, "", True]])
    host.say("cancel", "k.1", -1, "cancelled")
    host.say("read", "x")
    host.say("what is this", 5)
    name = written(host, "DEF main(): return 1\n")

    assert host.run(f"{name}:main").result == "1"


def test_reports_that_were_read_are_removed(host: Driven) -> None:
    name = written(host, "DEF main():\n    for _ in range(90): print('x' * 65_535)\n")
    done = host.run(f"{name}:main")
    complete = [one for one in segments(host) if one + 1 in segments(host)]

    host.say("read", max(complete))

    assert len(host.output(done.key)) == 90 * 65_536
    host.until(lambda: None if set(complete) & set(segments(host)) else True)


def test_it_ends_when_nothing_runs_any_more(other: Driven) -> None:
    key = other.start(f"{sleeper(other)}:main")
    other.printed(key, "begun")

    other.say("end")
    other.say("cancel", key, 10, "cancelled")

    assert other.done(key).outcome == "cancelled"
    assert other.process.wait(timeout=20) == 0
