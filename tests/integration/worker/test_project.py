"""A project as people have it: several modules, a lock, and changes of every kind."""

import json
import subprocess
from pathlib import Path

import pytest
import uv

from rq_agent.broker.lookups import Lookups

from .lab import Lab
from .tampering import definition_of
from .trees import contents

MAIN = """
import json, pathlib, sys
sys.dont_write_bytecode = True
sys.path.insert(0, "tools")
import trees
found = trees.contents(pathlib.Path("."))
import iniconfig
from project import answer, deep
from project.deep import module
import helper
print(json.dumps([found, iniconfig.__name__, answer(), module.WHO, helper.ROLE]))
"""
PYPROJECT = """
[project]
name = "project"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["iniconfig"]
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    folder.mkdir()
    write(folder, "pyproject.toml", PYPROJECT)
    write(folder, "main.py", MAIN)
    write(folder, "helper.py", "ROLE = 'committed'")
    write(folder, "project/__init__.py", "def answer(): return 41")
    write(folder, "project/deep/__init__.py", "")
    write(folder, "project/deep/module.py", "WHO = 'pushed'")
    write(folder, "tools/trees.py", Path(__file__).with_name("trees.py").read_text())
    write(folder, "obsolete.py", "raise SystemExit('deleted')")
    write(folder, ".gitignore", "*.log\n__pycache__/\n")
    write(folder, "weights.bin", bytes(range(256)) * 100)
    run(str(uv.find_uv_bin()), "lock", "--quiet", at=folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    commit(folder, "pushed")
    remote = tmp_path / "remote.git"
    git(folder, "clone", "--quiet", "--bare", ".", str(remote))
    git(folder, "remote", "add", "origin", str(remote))
    write(folder, "project/deep/module.py", "WHO = 'committed, not pushed'")
    commit(folder, "not pushed")
    change(folder)
    return folder


def change(folder: Path) -> None:
    """Make one change of every kind that git knows."""
    write(folder, "helper.py", "ROLE = 'staged'")
    git(folder, "add", "helper.py")
    write(folder, "project/__init__.py", "def answer(): return 42")
    write(folder, "project/staged_then_changed.py", "1")
    git(folder, "add", "project/staged_then_changed.py")
    write(folder, "project/staged_then_changed.py", "2")
    write(folder, "untracked with space \u00e9.txt", "new")
    write(folder, "weights.bin", bytes(reversed(range(256))) * 99)
    write(folder, "run.sh", "#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "link").symlink_to("project/deep")
    (folder / "obsolete.py").unlink()
    write(folder, "secret.log", "ignored")


def write(folder: Path, name: str, content: str | bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    who = ("-c", "user.name=ada", "-c", "user.email=ada@lab.example", "-c", "commit.gpgsign=false")
    git(folder, *who, "commit", "--quiet", "--message", message)


def git(folder: Path, *argv: str) -> str:
    return run("git", *argv, at=folder)


def run(*argv: str, at: Path) -> str:
    return subprocess.run(argv, cwd=at, check=True, capture_output=True, text=True).stdout.strip()


async def test_the_worker_runs_exactly_the_tree_of_the_project_and_leaves_it_alone(
    lab: Lab, repository: Path
) -> None:
    head = git(repository, "rev-parse", "HEAD")
    before = contents(repository)

    task_id = await lab.submit(repository / "main.py")
    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert record.state == "succeeded", await lab.output(task_id, "err")
    found, *said = json.loads(await lab.output(task_id))
    assert said == ["iniconfig", 42, "committed, not pushed", "staged"]
    assert found == {
        name: digest
        for name, digest in before.items()
        if not name.startswith(".git/") and name != "secret.log"
    }
    assert contents(repository) == before
    code = (await definition_of(lab, task_id)).code
    assert (code.origin_commit, code.origin_branch, code.dirty) == (head, "main", True)


async def test_the_environment_is_that_of_the_lock(lab: Lab, repository: Path) -> None:
    task_id = await lab.submit(repository / "main.py")

    environment = (await definition_of(lab, task_id)).environment

    assert environment.source == "uv.lock"
    assert [line.partition("==")[0] for line in environment.requirements] == ["iniconfig"]
    assert "--hash=sha256:" in environment.requirements[0]
    await lab.cancel(task_id)
    assert (await Lookups(lab.namespace).record(task_id)).state == "cancelled"


async def test_a_second_submission_uploads_nothing(lab: Lab, repository: Path) -> None:
    first = await lab.submit(repository / "main.py")
    second = await lab.submit(repository / "main.py", argv=("--other",))

    one, two = await definition_of(lab, first), await definition_of(lab, second)

    assert one == two
    assert (await lab.record(first)).definition == (await lab.record(second)).definition


async def test_a_script_in_a_folder_of_the_project_runs_where_the_person_stands(
    lab: Lab, repository: Path
) -> None:
    write(
        repository, "scripts/where.py", "import os, project; print(os.getcwd(), project.answer())"
    )

    task_id = await lab.submit(repository / "scripts" / "where.py")
    async with lab.worker():
        [record] = await lab.ended(task_id)

    assert record.state == "succeeded", await lab.output(task_id, "err")
    where, answer = (await lab.output(task_id)).split()
    assert where == str(lab.run_folder(task_id) / "tree" / "scripts")
    assert answer == "42"
