"""The bootstrap and the sdk run in the interpreters that users have, not only in ours."""

import shutil
import subprocess
from pathlib import Path

import pytest

from .folder import Folder

VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13", "3.14")


def interpreter(version: str) -> str:
    """An interpreter of that version on this machine, or a skip."""
    installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for found in (*map(str, installed), shutil.which(f"python{version}")):
        if (
            found
            and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return found
    pytest.skip(f"no Python {version} on this machine")


@pytest.fixture(params=VERSIONS)
def other(request: pytest.FixtureRequest, tmp_path: Path, cache: Path) -> Folder:
    return Folder(tmp_path, cache, interpreter(request.param))


def test_parameters_children_and_subcommands_work(other: Folder) -> None:
    other.write(
        "script.py",
        """
        import argparse, multiprocessing, rq_agent
        parser = argparse.ArgumentParser()
        parser.add_argument("--verbose", action="store_true")
        parser.add_argument("--tags", nargs="*")
        commands = parser.add_subparsers(dest="command")
        train = commands.add_parser("train")
        train.add_argument("data")
        train.add_argument("--lr", type=float, default=0.1)
        train.add_argument("--layers", nargs="+", type=int)
        args = parser.parse_args()
        p = rq_agent.params({"depth": 2, "opt": {"wd": 0.0}})
        def work(_): return [args.verbose, args.tags, args.data, args.lr, args.layers, p]
        if __name__ == "__main__":
            print(work(0))
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [0])[0])
                pool.close(); pool.join()
        """,
    )
    overrides = {"lr": "-1.5", "layers": "[1, 2]", "tags": "a b", "data": "d.csv"}
    overrides |= {"verbose": "yes", "opt.wd": "0.5", "depth": "3"}

    task = other.task("script.py", "train", "old.csv", "--lr", "3", overrides=overrides)

    line = "[True, ['a', 'b'], 'd.csv', -1.5, [1, 2], {'depth': 3, 'opt': {'wd': 0.5}}]\n"
    assert (task.code, task.out, task.err) == (0, line * 2, "")
    assert task.used is not None
    assert (task.used["lr"], task.used["opt.wd"]) == ("-1.5", "0.5")


@pytest.mark.parametrize(
    "source",
    [
        "def f(): 1 / 0\nf()\n",
        "x = 1 +* 2\n",
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n",
        "import sys; print(sorted(globals()), sys.path[0], __name__); sys.exit('text')",
        "import argparse; argparse.ArgumentParser().parse_args()",
    ],
)
def test_endings_are_those_of_a_bare_python(other: Folder, source: str) -> None:
    script = str(other.write("script.py", source))  # 3.8 does not make the path absolute

    bare = other.bare(script, "extra")
    task = other.task(script, "extra")

    assert (task.code, task.out, task.err) == (bare.code, bare.out, bare.err)


def test_an_unknown_name_is_the_parsers_own_error(other: Folder) -> None:
    other.write(
        "script.py",
        "import argparse\np = argparse.ArgumentParser()\n"
        "p.add_argument('--epochs', type=int)\np.parse_args()\n",
    )

    task = other.task("script.py", overrides={"epoch": "5"})

    assert task.code == 2
    assert "error: unrecognized parameter 'epoch' from --set; did you mean 'epochs'?" in task.err
