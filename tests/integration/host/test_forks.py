"""What only the fork host does: a process for each call, and nothing left of it afterwards."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from .driving import Driven


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Driven]:
    driven = Driven(tmp_path_factory.mktemp("forks"), cache, kind="process")
    yield driven
    driven.close()


@pytest.fixture
def other(tmp_path: Path, cache: Path) -> Iterator[Driven]:
    """A host of one test, which may harm it."""
    driven = Driven(tmp_path, cache, kind="process")
    yield driven
    driven.close()


def is_gone(pid: int) -> bool:
    """True if there is no such process, not even a zombie."""
    return not os.path.exists(f"/proc/{pid}")


def _state(pid: int) -> str:
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return psutil.STATUS_ZOMBIE


def pids(driven: Driven, key: str, count: int) -> list[int]:
    """The numbers that a call has printed, a line each."""

    def printed() -> list[int] | None:
        lines = driven.output(key).split()
        return [int(one) for one in lines] if len(lines) == count else None

    return driven.until(printed)


def test_a_call_is_a_process_like_that_of_a_program(forks: Driven) -> None:
    source = """
        import gc, os, resource, signal, sys
        def main():
            return {
                "leads": os.getpid() == os.getsid(0) == os.getpgid(0),
                "open": len(os.listdir("/proc/self/fd")),
                "limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
                "signals": [str(signal.getsignal(one)) for one in (15, 17)],
                "wakeup": signal.set_wakeup_fd(-1),
                "collects": gc.isenabled(),
                "task": [os.environ["RQ_AGENT_TASK_ID"], os.environ["RQ_AGENT_FENCE"]],
                "argv": sys.argv[1:],
                "folder": os.getcwd(),
                "stdin": sys.stdin.read(),
            }
        """
    import resource

    done = forks.function(source)

    assert json.loads(done.result or "") == {
        "leads": True,
        "open": 5,  # the standard three, the result, the folder that lists them
        "limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "signals": [str(signal.SIG_DFL)] * 2,
        "wakeup": -1,
        "collects": True,
        "task": done.key.split("."),
        "argv": ["an argument"],
        "folder": str(forks.work),
        "stdin": "",
    }


def test_each_call_has_fresh_memory(forks: Driven) -> None:
    name = forks.module("import os\nseen = []\ndef main(n):\n    seen.append(n)\n    return seen\n")

    assert [forks.run(f"{name}:main", n).result for n in range(3)] == ["[0]", "[1]", "[2]"]


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        ("os.kill(os.getpid(), 11)", 139, "signal 11"),
        ("os.kill(os.getpid(), 9)", 137, "signal 9"),
        ("os.abort()", 134, "signal 6"),
        ("os._exit(7)", 7, "exit 7"),
        ("os._exit(0)", None, "it ended its process before it returned"),
        ("os.closerange(3, 256)", None, "it ended its process before it returned"),
    ],
)
def test_the_death_of_a_call_is_its_own(
    forks: Driven, body: str, code: int | None, reason: str
) -> None:
    neighbour = forks.start(forks.module("import time\ndef main(): time.sleep(600)\n") + ":main")

    done = forks.function(f"import os\ndef main():\n    print('x')\n    {body}\n")

    assert done[1:5] == ("failed", code, reason, None)
    assert forks.output(done.key) == "x\n"
    assert neighbour not in forks.ended()
    forks.say("cancel", neighbour, 0, "cancelled")
    assert forks.done(neighbour)[1:3] == ("cancelled", 137)


LEAVES = """
    import os, signal, subprocess, sys, time
    def main(stays=False):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen(["sleep", "600"])
        print(child.pid, flush=True)
        if os.fork() == 0:
            os.setsid()
            if (left := os.fork()) == 0:
                os.close(1)
                time.sleep(600)
            print(left, flush=True)
            os._exit(0)
        os.wait()
        while stays:
            time.sleep(1)
    """


def test_what_a_call_leaves_behind_is_gone_before_its_end_is_told(forks: Driven) -> None:
    done = forks.function(LEAVES)

    assert done.outcome == "succeeded"
    assert [is_gone(one) for one in pids(forks, done.key, 2)] == [True, True]


def test_a_whole_tree_that_ignores_its_end_is_killed_after_the_grace(forks: Driven) -> None:
    key = forks.start(forks.module(LEAVES) + ":main", True)
    left = pids(forks, key, 2)
    assert forks.function("def main(): pass\n").outcome == "succeeded"
    assert not any(is_gone(one) for one in left)  # they are not of the call that has ended

    forks.say("cancel", key, 600, "cancelled")
    forks.say("cancel", key, 0.2, "cancelled")

    done = forks.done(key)
    assert done[1:4] == ("cancelled", 137, "cancelled")
    assert [is_gone(one) for one in left] == [True, True]


def test_calls_end_with_a_host_that_is_killed(other: Driven) -> None:
    name = other.module(
        "import os, time\ndef main():\n    print(os.getpid())\n    time.sleep(600)\n"
    )
    key = other.start(f"{name}:main")
    (pid,) = pids(other, key, 1)

    other.process.kill()

    other.until(lambda: is_gone(pid) or _state(pid) == psutil.STATUS_ZOMBIE or None)


def test_a_call_that_stopped_itself_is_woken_to_end(forks: Driven) -> None:
    source = """
        import os, signal, sys
        def main():
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
            print(os.getpid(), flush=True)
            os.kill(os.getpid(), signal.SIGSTOP)
            signal.pause()
        """
    key = forks.start(forks.module(source) + ":main")
    (pid,) = pids(forks, key, 1)
    forks.until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED or None)

    forks.say("cancel", key, 60, "cancelled")

    assert forks.done(key)[1:3] == ("cancelled", 3)


def test_what_forks_and_ends_again_and_again_is_caught(forks: Driven) -> None:
    source = """
        import os, time
        def main():
            if os.fork():
                return os.getpid()
            os.setsid()
            end = time.monotonic() + 30
            while time.monotonic() < end:  # each goes on in a child of its own
                if os.fork():
                    os._exit(0)
            os._exit(0)
        """

    done = forks.function(source)

    assert done.outcome == "succeeded"
    alive = [one for one in psutil.process_iter() if _is_of(one, forks)]
    assert alive == []


def _is_of(process: psutil.Process, forks: Driven) -> bool:
    try:
        return process.pid != forks.process.pid and str(forks.folder) in process.cmdline()
    except psutil.Error:
        return False


def test_the_end_of_a_program_is_kept(forks: Driven) -> None:
    source = """
        import atexit, sys, threading, time
        def later():
            time.sleep(0.05)
            print("thread")
        def main():
            sys.stdout = open(1, "w", closefd=False)
            atexit.register(print, "at exit")
            threading.Thread(target=later).start()
            print("main")
            return 1
        """

    done = forks.function(source)

    assert done[1:3] == ("succeeded", 0)
    assert forks.output(done.key) == "main\nthread\nat exit\n"


def test_a_call_may_close_its_output(forks: Driven) -> None:
    source = """
        import os, sys
        def main():
            print("first", flush=True)
            sys.stdout.close()
            os.close(2)
            return 5
        """

    done = forks.function(source)

    assert done[1:5] == ("succeeded", 0, "", "5")
    assert forks.output(done.key) == "first\n"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_call_may_use_processes_of_its_own(forks: Driven, method: str) -> None:
    source = """
        import multiprocessing
        def square(n): return n * n
        def main(method):
            with multiprocessing.get_context(method).Pool(1) as pool:
                return pool.map(square, [3])
        """

    done = forks.function(source, method)

    assert (done.outcome, done.result) == ("succeeded", "[9]"), forks.output(done.key, "err")


def test_an_async_function_has_a_loop_of_its_own(forks: Driven) -> None:
    source = """
        import asyncio
        async def main(n):
            await asyncio.sleep(0)
            return n
        """

    assert forks.function(source, 5).result == "5"


def test_a_large_result_comes_whole(forks: Driven) -> None:
    done = forks.function("def main(): return 'x' * 5_000_000\n")

    assert len(done.result or "") == 5_000_002


def test_much_output_holds_nobody_up(forks: Driven) -> None:
    source = """
        def main():
            for _ in range(30):
                print("x" * 1_048_575)
        """

    done = forks.function(source)

    assert done.outcome == "succeeded"
    assert sum(len(one[4]) for one in forks.reports if one[:2] == ["out", done.key]) == 30 << 20


def test_the_memory_of_a_call_is_told_while_it_runs_and_at_its_end(forks: Driven) -> None:
    source = """
        def main():
            global kept
            kept = b"x" * (200 << 20)
            print("has it", flush=True)
            input_of_nobody = __import__("signal").pause()
        """
    key = forks.start(forks.module(source) + ":main")
    forks.printed(key, "has it")
    forks.reports.clear()

    _, rss_bytes, calls = forks.report("pulse")

    assert calls == 1
    assert 200 << 20 < rss_bytes < 400 << 20
    forks.say("cancel", key, 0, "cancelled")
    assert forks.done(key).outcome == "cancelled"


def test_a_call_that_can_not_be_started_is_no_failure_of_its_own(other: Driven) -> None:
    name = other.module("import time\ndef main():\n    print('x')\n    time.sleep(600)\n")
    first = other.start(f"{name}:main")
    other.printed(first, "x")
    host = psutil.Process(other.process.pid)
    host.rlimit(psutil.RLIMIT_NOFILE, (host.num_fds() + 2, 10_000))

    done = other.run(f"{name}:main")

    assert done[1:4] == ("errored", None, "no process could be started: Too many open files")
    other.say("cancel", first, 0, "cancelled")
    assert other.done(first).outcome == "cancelled"
    assert other.function("def main(): pass\n").outcome == "succeeded"
