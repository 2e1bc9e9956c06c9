"""What harms a host: blocked loops, `os._exit`, forks; and what its worker does wrong."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .driving import Driven


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Driven]:
    """A host that calls its loop blocked after 0.3 s."""
    driven = Driven(tmp_path_factory.mktemp("quick"), cache, lag_s=0.3)
    yield driven
    driven.close()


@pytest.mark.parametrize("body", ["with_grip()", "await asyncio.create_task(child())"])
def test_who_blocks_the_loop_is_told_with_its_stack(quick: Driven, body: str) -> None:
    flag = quick.work / f"flag of {body}"
    name = quick.module(
        f"""
        import asyncio, os, time
        def block():
            while not os.path.exists({str(flag)!r}):
                time.sleep(0.01)
        def with_grip():
            while not os.path.exists({str(flag)!r}):
                sum(range(1000))
        async def child():
            block()
        async def main():
            {body}
        """
    )
    others = [quick.start(quick.module("async def main(): pass\n") + ":main")]
    key = quick.start(f"{name}:main")

    seconds, stack = quick.report("blocked", key)[1:]

    assert 0.3 <= seconds < 10
    assert stack.startswith(f'  File "{quick.work / name}.py", line ')
    assert ("in with_grip" if body == "with_grip()" else "in block") in stack
    assert "worker/host" not in stack
    assert "asyncio/" not in stack
    flag.touch()
    assert quick.report("unblocked", key)[1] >= seconds
    assert quick.done(key).outcome == "succeeded"
    quick.done(others[0])


def test_a_callback_that_blocks_is_told_with_its_stack(quick: Driven) -> None:
    flag = quick.work / "flag of callback"
    key = quick.start(
        quick.module(
            f"""
            import asyncio, os, time
            def block():
                while not os.path.exists({str(flag)!r}):
                    time.sleep(0.01)
            async def main():
                asyncio.get_running_loop().call_soon(block)
                await asyncio.sleep(0.01)
            """
        )
        + ":main"
    )

    assert "in block" in quick.report("blocked", "")[2]

    flag.touch()
    quick.done(key)


def test_a_blocked_import_blocks_nobody(quick: Driven) -> None:
    told = len([one for one in quick.reports if one[0] == "blocked"])

    quick.function("import time\ntime.sleep(0.5)\nasync def main(): pass\n")

    assert len([one for one in quick.reports if one[0] == "blocked"]) == told


def test_a_pulse_tells_how_the_host_is(quick: Driven) -> None:
    name = quick.module(
        "import asyncio\nevent = asyncio.Event()\nasync def main(): await event.wait()\n"
        "async def go(): event.set()\n"
    )
    key = quick.start(f"{name}:main")
    seen = len(quick.reports)

    lag_ms, rss_bytes, calls = quick.until(
        lambda: next((one[1:] for one in quick.reports[seen:] if one[0] == "pulse"), None)
    )

    assert 0 <= lag_ms < 10_000
    assert 5 << 20 < rss_bytes < 500 << 20
    assert calls == 1
    quick.start(f"{name}:go")
    quick.done(key)


def test_who_uses_up_all_descriptors_harms_only_itself(alone: Driven) -> None:
    done = alone.function(
        """
        import asyncio, resource
        async def main():
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            files = []
            try:
                while True:
                    files.append(open("/dev/null"))
            finally:
                print("x" * 5_000_000)
                await asyncio.sleep(0.6)
        """
    )

    assert done.reason.startswith("OSError: [Errno 24] Too many open files")
    assert len(alone.output(done.key)) == 5_000_001
    assert any(one[0] == "pulse" for one in alone.reports)
    assert alone.function("async def main(): pass\n").outcome == "succeeded"


def test_stacks_are_written_when_nothing_of_python_can_run(alone: Driven) -> None:
    alone.start(
        alone.module(
            """
            import asyncio, ctypes
            async def main():
                await asyncio.sleep(0.2)
                ctypes.PyDLL(None).sleep(30)  # keeps the lock of the interpreter
            """
        )
        + ":main"
    )
    stuck = alone.folder / "stuck"

    text = alone.until(lambda: text if "in main" in (text := stuck.read_text()) else None)

    assert "users1.py" in text


CALLS = [("quick", None), ("exits", 7)]


def test_who_calls_os_exit_is_told_before(alone: Driven) -> None:
    name = alone.module(
        """
        import asyncio, os
        async def wait():
            await asyncio.sleep(3600)
        async def main(code):
            try:
                os._exit("no number")
            except TypeError:
                pass
            if code is not None:
                print("last words", end="")
                await asyncio.sleep(0)
                os._exit(code)
        """
    )
    first = alone.run(f"{name}:main", None)
    alone.start(f"{name}:wait")

    entries = [[f"{one}.1", f"{name}:main", [[code], {}], 0, 5, "", True] for one, code in CALLS]
    alone.say("start", entries)

    assert alone.report("exits", "exits.1")[1] == 7
    assert alone.process.wait(10) == 7
    assert alone.output("exits.1") == "last words"
    assert set(alone.ended()) == {first.key, "quick.1"}  # what was not yet said of, too


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="not looked at")
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_are_no_hosts(quick: Driven, method: str) -> None:
    done = quick.function(
        """
        import multiprocessing, os
        def child(queue):
            print("from the child", flush=True)
            queue.put(os.getpid())
        async def main(method):
            context = multiprocessing.get_context(method)
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,))
            process.start()
            pid = queue.get()
            process.join()
            return [pid != os.getpid(), process.exitcode]
        """,
        method,
    )

    assert done.result == "[true,0]", quick.output(done.key, "err")
    assert "from the child\n" in quick.own_output.read_text()


@pytest.mark.parametrize("end", ["return 1", "raise SystemExit(4)", "os._exit(5)", "1 / 0"])
def test_a_fork_that_comes_back_is_no_second_host(quick: Driven, end: str) -> None:
    done = quick.function(
        f"""
        import asyncio, os
        async def main():
            pid = os.fork()
            if pid == 0:
                {end}
            _, status = os.waitpid(pid, 0)
            return os.waitstatus_to_exitcode(status)
        """
    )

    assert done.outcome == "succeeded", quick.output(done.key, "err")
    expected = {"raise SystemExit(4)": "4", "os._exit(5)": "5", "1 / 0": "1"}
    assert done.result == expected.get(end, "0")
    quick.function("async def main(): pass\n")


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"[",
        b"[]",
        b"[5]",
        b'["nope"]',
        b'["start"]',
        b'["start", 5]',
        b'["start", [5]]',
        b'["start", [["k.1", "m:f", [[], {}], -1, 5, "", true]]]',
        b'["start", [["k.2", "m:f", [{}, []], 0, 5, "", true]]]',
        b'["start", [["k.3", "m:f", [[]], 0, 5, "", true]]]',
        b'["cancel", "k.1"]',
        b'["cancel", "k.1", 5, "whim"]',
        b'["cancel", 5, 5, "cancelled"]',
        b'["read", "1"]',
        b'["read", -1]',
        b'["hello", {"lag_s": "x"}]',
        b'["hello", 5]',
        b"[" * 100_000,
    ],
)
def test_a_line_that_is_no_command_harms_nobody(quick: Driven, line: bytes) -> None:
    quick.say_bytes(line + b"\n")

    assert quick.function("async def main(): pass\n").outcome == "succeeded"


def test_a_line_that_is_no_command_is_told_in_the_hosts_own_output(quick: Driven) -> None:
    quick.say("no such command")
    quick.function("async def main(): pass\n")

    text = "rq-agent: there is no command 'no such command'\n"
    assert text in quick.own_output.read_text()


def test_a_key_that_runs_is_not_started_again(quick: Driven) -> None:
    name = quick.module(
        "import asyncio\nevent = asyncio.Event()\ncount = 0\nasync def main():\n"
        "    global count\n    count += 1\n    await event.wait()\n    return count\n"
        "async def go(): event.set()\n"
    )
    key = quick.start(f"{name}:main")
    quick.say("start", [[key, f"{name}:main", [[], {}], 0, 5, "", True]])
    quick.start(f"{name}:go")

    assert quick.done(key).result == "1"
