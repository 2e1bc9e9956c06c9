"""Environments as tasks see them: built once, shared, and never changed by one of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.worker.environment import tree

from ..environment.packages import Packages
from .lab import Lab
from .trees import contents


@pytest.fixture
def packages(tmp_path: Path) -> Packages:
    folder = tmp_path / "packages"
    folder.mkdir()
    return Packages(folder)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache of its own, since these tests look at what is in it."""
    folder = tmp_path / "own-cache"
    folder.mkdir()
    yield folder
    tree.remove(folder)


def needs(*wheels: Path) -> tuple[str, ...]:
    return tuple(f"{wheel.name.split('-')[0]} @ {wheel.as_uri()}" for wheel in wheels)


def shared(cache: Path) -> list[Path]:
    return [p for p in (cache / "environments").iterdir() if not p.name.startswith(".")]


async def run(lab: Lab, *scripts: str, packages: tuple[str, ...]) -> list[TaskId]:
    """Run scripts with the same requirements, all at once."""
    ids = [await lab.submit(script, packages=packages) for script in scripts]
    async with lab.worker(slots=len(ids)):
        records = await lab.ended(*ids)
    for record in records:
        assert record.state == "succeeded", await lab.output(record.id, "err")
    return ids


async def test_tasks_with_the_same_requirements_share_one_environment(
    lab: Lab, packages: Packages, cache: Path
) -> None:
    wheel = packages.wheel("apple", apple="print('imported from', __file__)")

    ids = await run(lab, *["import apple"] * 3, packages=needs(wheel))

    printed = {await lab.output(task_id) for task_id in ids}
    [environment] = shared(cache)
    assert len(printed) == 1
    assert environment.name in printed.pop()


async def test_the_log_tells_of_a_build_and_of_no_build_where_there_was_none(
    lab: Lab, packages: Packages, cache: Path
) -> None:
    wheel = packages.wheel("apple")

    first = await run(lab, "import apple", packages=needs(wheel))
    second = await run(lab, "import apple", packages=needs(wheel))

    assert "apple==1.0" in await lab.output(first[0], "sys")
    assert await lab.output(second[0], "sys") == ""


async def test_what_a_task_installs_at_run_time_is_its_own(
    lab: Lab, packages: Packages, cache: Path
) -> None:
    apple = packages.wheel("apple", apple="version = 1")
    newer = packages.wheel("apple", "2.0", apple="version = 2")
    pear = packages.wheel("pear", pear="print('pear at', __file__)")
    await run(lab, "import apple", packages=needs(apple))
    [environment] = shared(cache)
    before = contents(environment)

    installs = f"""
        import subprocess, sys
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
        subprocess.run([*pip, {str(pear)!r}, {str(newer)!r}], check=True)
        import apple, pear
        print(apple.version)
        """
    other = "import apple, importlib.util as u; print(apple.version, u.find_spec('pear'))"
    installed, beside = await run(lab, installs, other, packages=needs(apple))
    [after] = await run(lab, other, packages=needs(apple))

    assert str(lab.run_folder(installed) / "venv") in await lab.output(installed)
    assert (await lab.output(installed)).endswith("2\n")
    assert await lab.output(beside) == await lab.output(after) == "1 None\n"
    assert contents(environment) == before
    assert shared(cache) == [environment]


async def test_a_task_can_t_write_to_the_shared_environment_also_as_root(
    lab: Lab, packages: Packages, cache: Path
) -> None:
    wheel = packages.wheel("apple")
    tries = """
        import apple, os, pathlib
        here = pathlib.Path(apple.__file__).parent
        def tried(what, *args):
            try:
                what(*args)
            except OSError as e:
                return e.strerror
            return "done"
        print(tried((here / "new.py").write_text, "x"))
        print(tried(pathlib.Path(apple.__file__).write_text, "x"))
        print(tried(os.remove, apple.__file__))
        print(tried(os.rename, here, here.with_name("elsewhere")))
        """

    [task_id] = await run(lab, tries, packages=needs(wheel))

    said = (await lab.output(task_id)).splitlines()
    assert len(said) == 4
    assert set(said) <= {"Read-only file system", "Permission denied", "Device or resource busy"}
    [environment] = shared(cache)
    assert not list(environment.rglob("new.py"))


async def test_no_environment_is_evicted_while_a_task_uses_it(
    lab: Lab, packages: Packages, cache: Path
) -> None:
    apple = needs(packages.wheel("apple"))
    pear = needs(packages.wheel("pear"))
    waits = (
        "import os; os.mkfifo('go'); print('started', flush=True); open('go').read(); import apple"
    )
    async with lab.worker(slots=3, environments_bytes=0):
        user = await lab.submit(waits, packages=apple)
        await lab.reached(user, "phase", phase="running")
        await lab.printed(user, "started")
        used = shared(cache)
        await lab.ended(await lab.submit("import pear", packages=pear))
        last = await lab.submit("print('none')", packages=needs(packages.wheel("plum")))
        await lab.ended(last)
        left = shared(cache)
        (lab.run_folder(user) / "tree" / "go").write_text("on")
        [record] = await lab.ended(user)

    assert record.state == "succeeded", await lab.output(user, "err")
    assert used[0] in left
    assert len(left) == 2  # the one in use and the newest; that of `pear` went
