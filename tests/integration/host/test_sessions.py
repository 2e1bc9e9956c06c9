"""A worker that comes and goes, reads and settles; and the end of a host."""

import itertools
import stat
import time

from .driving import Driven, wait_for

WAITS = """
import asyncio
event = asyncio.Event()
async def main(n):
    await event.wait()
    print(n)
    return n
async def go():
    event.set()
"""


def test_the_next_worker_hears_what_runs_and_reads_what_was_said(alone: Driven) -> None:
    name = alone.module(WAITS)
    keys = [alone.start(f"{name}:main", n) for n in range(3)]
    alone.socket.close()

    alone.connect()

    states = alone.until(
        lambda: (
            states if len(states := [c for n, *c in alone.reports if n == "state"]) > 1 else None
        )
    )
    assert [entry[:2] for entry in states[1][0]] == [[key, f"of {key}"] for key in keys]
    assert all(abs(entry[2] - time.time()) < 60 for entry in states[1][0])
    alone.start(f"{name}:go")
    assert [alone.done(key).result for key in keys] == ["0", "1", "2"]


def test_a_newer_connection_replaces_the_older(alone: Driven) -> None:
    older = alone.socket
    alone.connect()
    older.settimeout(10)

    while older.recv(4096):
        pass
    older.close()

    assert alone.function("async def main(): pass\n").outcome == "succeeded"


def test_half_a_line_of_a_worker_that_has_gone_is_forgotten(alone: Driven) -> None:
    alone.say_bytes(b'["start", [["k')
    alone.socket.close()
    alone.connect()

    assert alone.function("async def main(): pass\n").outcome == "succeeded"
    assert alone.own_output.read_text() == ""


def test_only_the_user_of_the_worker_reaches_the_socket(alone: Driven) -> None:
    mode = (alone.folder / "socket").stat().st_mode

    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_settled_files_are_removed(alone: Driven) -> None:
    alone.function("async def main(n):\n    for _ in range(n): print('x' * 999)\n", 9000)
    names = sorted(path.name for path in alone.folder.glob("reports.*"))
    assert names == ["reports.1", "reports.2", "reports.3"]

    alone.say("read", 2)
    alone.function("async def main(): pass\n")

    assert [path.name for path in alone.folder.glob("reports.*")] == ["reports.3"]
    alone.say("read", 99)  # the one that it writes stays
    alone.function("async def main(): pass\n")
    assert [path.name for path in alone.folder.glob("reports.*")] == ["reports.3"]


def test_output_that_nobody_reads_is_dropped_with_a_gap_but_no_end(alone: Driven) -> None:
    name = alone.module(
        "count = 0\nasync def main(n):\n    global count\n"
        "    for _ in range(n): print('x' * 65_000)\n    count += 1\n"
    )
    first = alone.start(f"{name}:main", 10)
    big = alone.start(f"{name}:main", 1540)  # 100 MB
    path = alone.work / "end"
    ended = alone.start(
        alone.module(
            f"""
            import asyncio, sys
            async def main():
                while sys.modules[{name!r}].count < 2:
                    await asyncio.sleep(0)
                open({str(path)!r}, "w")
            """
        )
        + ":main"
    )
    wait_for(path.exists)

    size = sum(path.stat().st_size for path in alone.folder.glob("reports.*"))
    assert size < 80 << 20
    assert {alone.done(key).outcome for key in (first, big, ended)} == {"succeeded"}
    said: dict[str, int] = {}
    for one in alone.reports:
        if one[0] == "out":
            said[one[1]] = said.get(one[1], 0) + len(one[4])
        elif one[0] == "gap":
            said[one[1]] = said.get(one[1], 0) + one[3]
    assert said == {first: 10 * 65_001, big: 1540 * 65_001}
    assert any(one[0] == "gap" for one in alone.reports)
    offsets = [one[3] for one in alone.reports if one[:2] == ["out", big]]
    assert all(one < two for one, two in itertools.pairwise(offsets))


def test_a_host_ends_when_it_is_asked_and_nothing_runs(alone: Driven) -> None:
    name = alone.module(WAITS)
    key = alone.start(f"{name}:main", 1)
    alone.say("end")
    alone.start(f"{name}:go")

    assert alone.process.wait(10) == 0
    assert alone.done(key).result == "1"


def test_a_host_that_never_ran_anything_ends_when_it_is_asked(alone: Driven) -> None:
    alone.say("end")

    assert alone.process.wait(10) == 0


def test_code_that_wants_to_run_at_the_end_of_the_process_does(alone: Driven) -> None:
    name = alone.module("import atexit\nasync def main():\n    atexit.register(print, 'the end')\n")
    alone.run(f"{name}:main")

    alone.say("end")

    assert alone.process.wait(10) == 0
    assert "the end\n" in alone.own_output.read_text()
