"""Child processes of a script find it as their `__main__` and get the same overrides."""

import sys

import pytest

from .folder import Folder

POOL = """
    import argparse, multiprocessing, rq_agent

    class Made:  # pickled by its name in __main__
        def __init__(self, value): self.value = value

    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=0.1)
    args = parser.parse_args()  # read again by each child that starts fresh
    p = rq_agent.params({"depth": 2})

    def work(made): return Made((made.value, args.lr, p.depth))

    if __name__ == "__main__":
        context = multiprocessing.get_context("METHOD")
        with context.Pool(2) as pool:
            print([one.value for one in pool.map(work, [Made(1), Made(2)])])
            pool.close()
            pool.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_pool_sees_the_overrides_and_records_nothing_of_its_own(
    folder: Folder, method: str
) -> None:
    folder.write("script.py", POOL.replace("METHOD", method))

    task = folder.task("script.py", overrides={"lr": "0.5", "depth": "7"})

    assert task.err == ""
    assert task.out == "[(1, 0.5, 7), (2, 0.5, 7)]\n"
    assert task.used == {"lr": "0.5", "depth": "7"}


def test_a_copy_started_with_sys_argv_gets_the_overrides(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import argparse, os, subprocess, sys
        parser = argparse.ArgumentParser()
        parser.add_argument("--lr", type=float, default=0.1)
        print(parser.parse_args().lr)
        if "RANK" not in os.environ:
            subprocess.run([sys.executable, *sys.argv], env={**os.environ, "RANK": "1"}, check=True)
        """,
    )

    assert folder.task("script.py", "--lr", "3", overrides={"lr": "0.5"}).out == "0.5\n0.5\n"


def test_a_forked_child_does_not_write_the_record(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import os, rq_agent
        rq_agent.params({"a": 1})
        if os.fork() == 0:
            rq_agent.params({"in_child": 1})
            raise SystemExit(0)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
        """,
    )

    task = folder.task("script.py")

    assert (task.out, task.used) == ("0\n", {"a": "1"})


@pytest.mark.skipif(sys.version_info < (3, 11), reason="needs process pools with spawn")
def test_a_process_pool_executor_runs_functions_of_the_script(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def double(x): return 2 * x
        if __name__ == "__main__":
            with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
                print(list(pool.map(double, [1, 2])))
        """,
    )

    assert folder.task("script.py") == (0, "[2, 4]\n", "", None)
