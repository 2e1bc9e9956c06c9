"""Many tasks, workers and processes around one cache."""

import os
import sys
from pathlib import Path

import anyio
import msgspec
import pytest

from rq_agent.broker.definition import EnvironmentSpec
from rq_agent.worker.environment import tree
from rq_agent.worker.environment.cache import Environments
from rq_agent.worker.environment.locks import try_lock
from rq_agent.worker.environment.place import Places, read_marker

from .packages import Packages, ends

_ONE_USER = """
import sys, anyio, msgspec
from pathlib import Path
from rq_agent.broker.definition import EnvironmentSpec
from rq_agent.worker.environment import tree
from rq_agent.worker.environment.cache import Environments

async def main():
    spec = msgspec.json.decode(sys.argv[2], type=EnvironmentSpec)
    async with Environments(Path(sys.argv[1])).use(spec) as env:
        print("cached" if env.was_cached else "built")

anyio.run(main)
"""


def other_process(cache: Path, spec: EnvironmentSpec) -> list[str]:
    """Return the command of a process that uses a spec and says whether it had to build."""
    return [sys.executable, "-c", _ONE_USER, str(cache), msgspec.json.encode(spec).decode()]


def names(cache: Path) -> set[str]:
    """Return what lies beside the locks."""
    return {path.name for path in (cache / "environments").iterdir()} - {".locks", ".used"}


async def built(environments: Environments, spec: EnvironmentSpec) -> str:
    """Build an environment and return its key."""
    async with environments.use(spec) as env:
        return env.key


async def test_many_tasks_with_one_key_build_it_once(
    environments: Environments, packages: Packages
) -> None:
    packages.wheel("apple")
    cached: list[bool] = []

    async def use() -> None:
        async with environments.use(packages.spec("apple")) as env:
            cached.append(env.was_cached)

    async with anyio.create_task_group() as tg:
        for _ in range(8):
            tg.start_soon(use)

    assert sorted(cached) == [False] + [True] * 7


async def test_two_processes_with_one_key_build_it_once(cache: Path, packages: Packages) -> None:
    packages.wheel("apple")
    command = other_process(cache, packages.spec("apple"))
    said: list[str] = []

    async def use() -> None:
        said.append((await anyio.run_process(command)).stdout.decode().strip())

    async with anyio.create_task_group() as tg:
        tg.start_soon(use)
        tg.start_soon(use)

    assert sorted(said) == ["built", "cached"]
    assert len(names(cache)) == 1


async def test_a_task_that_waits_for_another_one_s_build_says_so(
    cache: Path, packages: Packages
) -> None:
    started = packages.hanging("slow")
    told = anyio.Event()

    async def use(environments: Environments, waiting: anyio.Event) -> None:
        def report(line: str) -> None:
            if line.startswith("rq-agent: another task builds"):
                waiting.set()

        async with environments.use(packages.spec("slow"), report=report):
            raise AssertionError("it was never built")

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tg:
            tg.start_soon(use, Environments(cache), anyio.Event())
            await started.pid()
            tg.start_soon(use, Environments(cache), told)
            await told.wait()
            tg.cancel_scope.cancel()


async def test_what_a_killed_builder_left_is_never_used_and_swept(
    cache: Path, packages: Packages
) -> None:
    started = packages.hanging("slow")
    packages.wheel("apple")
    spec = packages.spec("slow")
    async with await anyio.open_process(other_process(cache, spec), stdout=None) as builder:
        backend = await started.pid()
        builder.kill()
        await builder.wait()
    (left,) = names(cache)
    assert left.startswith(".")
    os.kill(backend, 9)  # uv, which is an orphan now, ends with its build
    await ends(backend)

    key = await built(Environments(cache), packages.spec("apple"))

    assert names(cache) == {key}


async def test_sweeping_leaves_a_folder_alone_while_its_builder_lives(
    cache: Path, packages: Packages
) -> None:
    started = packages.hanging("slow")

    async def use() -> None:
        async with Environments(cache).use(packages.spec("slow")):
            raise AssertionError("it was never built")

    async with anyio.create_task_group() as tg:
        tg.start_soon(use)
        await started.pid()
        before = names(cache)
        await Environments(cache).sweep()
        assert names(cache) == before != set()
        tg.cancel_scope.cancel()


async def test_a_folder_without_a_marker_is_not_taken_for_an_environment(
    cache: Path, packages: Packages
) -> None:
    packages.wheel("apple")
    key = await built(Environments(cache), packages.spec("apple"))
    folder = cache / "environments" / key
    folder.chmod(0o755)
    (folder / "environment.json").unlink()

    async with Environments(cache).use(packages.spec("apple")) as env:
        assert not env.was_cached
        assert (env.path / "environment.json").is_file()
    assert names(cache) == {key}


async def test_what_was_not_used_for_longest_is_removed_first(
    cache: Path, packages: Packages
) -> None:
    packages.wheel("apple")
    packages.wheel("pear")
    environments = Environments(cache)
    apple = await built(environments, packages.spec("apple"))
    pear = await built(environments, packages.spec("pear"))
    size = read_marker(cache / "environments" / pear).size_bytes
    used = cache / "environments" / ".used"
    os.utime(used / apple, (2000, 2000))
    os.utime(used / pear, (1000, 1000))

    removed = await Environments(cache, max_bytes=int(size * 1.5)).evict()

    assert removed == [pear]
    assert names(cache) == {apple}


async def test_what_is_in_use_is_not_removed_until_it_is_given_back(
    cache: Path, packages: Packages
) -> None:
    packages.wheel("apple")
    tight = Environments(cache, max_bytes=0)

    async with tight.use(packages.spec("apple")) as env:
        assert await Environments(cache, max_bytes=0).evict() == []
        assert env.path.is_dir()

    assert await tight.evict() == [env.key]
    assert names(cache) == set()


async def test_a_process_that_inherits_the_lock_keeps_the_environment(
    cache: Path, packages: Packages
) -> None:
    packages.wheel("apple")
    tight = Environments(cache, max_bytes=0)
    async with tight.use(packages.spec("apple")) as env:
        child = await anyio.open_process(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], pass_fds=[env.lock_fd]
        )
    async with child:
        assert await tight.evict() == []
        assert child.stdin is not None
        await child.stdin.aclose()
        await child.wait()
    assert await tight.evict() == [env.key]


async def test_removing_frees_what_uv_kept_of_it(cache: Path, packages: Packages) -> None:
    packages.wheel("apple", apple="# " + "0123456789" * 100_000)
    tight = Environments(cache, max_bytes=1000)
    await built(tight, packages.spec("apple"))
    before = tree.unshared_bytes(cache / "uv")

    await tight.evict()

    assert before < 1_000_000  # the large file was shared with the environment
    assert not list((cache / "uv").rglob("apple.py"))


async def test_an_environment_that_was_removed_is_built_again(
    cache: Path, packages: Packages
) -> None:
    packages.wheel("apple")
    tight = Environments(cache, max_bytes=0)
    key = await built(tight, packages.spec("apple"))
    await tight.evict()
    async with tight.use(packages.spec("apple")) as env:
        assert (env.key, env.was_cached) == (key, False)


async def test_waiting_for_a_builder_can_be_cancelled(cache: Path, packages: Packages) -> None:
    packages.wheel("apple")
    key = await built(Environments(cache), packages.spec("apple"))
    await Environments(cache, max_bytes=0).evict()
    fd = try_lock(Places(cache).build_lock(key), exclusive=True)
    assert fd is not None
    try:
        with anyio.move_on_after(0.05) as scope:
            async with Environments(cache).use(packages.spec("apple")):
                pytest.fail("somebody else was building")
        assert scope.cancelled_caught
    finally:
        os.close(fd)


async def test_a_warm_look_up_spawns_nothing(
    cache: Path, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages.wheel("apple")
    environments = Environments(cache)
    await built(environments, packages.spec("apple"))

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr(anyio, "open_process", refuse)
    assert await built(environments, packages.spec("apple"))
