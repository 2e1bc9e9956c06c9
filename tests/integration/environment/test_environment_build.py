"""Building with the real uv."""

import hashlib
import json
import os
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from rq_agent.broker.definition import EnvironmentSpec
from rq_agent.broker.errors import BuildError
from rq_agent.worker.environment import probe, tree
from rq_agent.worker.environment.cache import Environment, Environments

from .packages import Packages, ends


def run(env: Environment, *argv: str) -> str:
    """Return what a program of the environment prints."""
    command = [str(env.path / "bin" / argv[0]), *argv[1:]]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def folders(cache: Path) -> list[str]:
    """Return the names of environments, of half-built ones and of trash."""
    names = [path.name for path in (cache / "environments").iterdir()]
    return sorted(name for name in names if name not in (".locks", ".used"))


async def test_a_package_of_the_real_index_can_be_imported(environments: Environments) -> None:
    said: list[str] = []
    async with environments.use(
        EnvironmentSpec(requirements=("six==1.17.0",)), report=said.append
    ) as env:
        assert not env.was_cached
        assert run(env, "python", "-c", "import six; print(six.__version__)") == "1.17.0"
    assert any("six==1.17.0" in line for line in said)


async def test_a_second_use_finds_what_the_first_one_built(
    environments: Environments, packages: Packages
) -> None:
    packages.wheel("apple")
    async with environments.use(packages.spec("apple")) as first:
        pass
    async with environments.use(packages.spec("apple")) as second:
        assert (first.was_cached, second.was_cached) == (False, True)
        assert first.path == second.path


async def test_another_process_finds_it_too(cache: Path, packages: Packages) -> None:
    packages.wheel("apple")
    async with Environments(cache).use(packages.spec("apple")):
        pass
    async with Environments(cache).use(packages.spec("apple")) as env:
        assert env.was_cached


async def test_nobody_may_write_anywhere_in_a_built_environment(
    environments: Environments, packages: Packages
) -> None:
    packages.wheel("apple", scripts="apple = apple:main")
    async with environments.use(packages.spec("apple")) as env:
        everything = [env.path, *env.path.rglob("*")]
        assert env.site_packages / "apple.py" in everything
        writable = [
            path
            for path in everything
            if not path.is_symlink() and stat.S_IMODE(path.stat().st_mode) & 0o222
        ]
        assert writable == []


async def test_all_but_tests_is_compiled_since_tasks_cannot_write_bytecode(
    environments: Environments, packages: Packages
) -> None:
    about = "apple-1.0.dist-info"
    packages.wheel_of(
        "apple",
        "1.0",
        {
            "apple/__init__.py": "",
            "apple/testing.py": "",
            "apple/old.py": "print 'python 2'",
            "apple/tests/test_apple.py": "",
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: apple\nVersion: 1.0\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        },
    )
    async with environments.use(packages.spec("apple")) as env:
        compiled = {path.name.split(".")[0] for path in env.site_packages.rglob("*.pyc")}
        assert {"__init__", "testing"} <= compiled
        assert not compiled & {"old", "test_apple"}


async def test_bytecode_is_compiled_where_the_cache_itself_is_called_tests(
    tmp_path: Path, packages: Packages
) -> None:
    packages.wheel("apple")
    async with Environments(tmp_path / "tests" / "cache").use(packages.spec("apple")) as env:
        assert list((env.site_packages / "__pycache__").glob("apple.*.pyc"))
    tree.remove(tmp_path / "tests")


async def test_no_requirement_gives_one_environment_for_all_such_tasks(
    environments: Environments,
) -> None:
    async with environments.use(EnvironmentSpec(source="none")) as first:
        pass
    async with environments.use(EnvironmentSpec(source="imports")) as second:
        assert second.was_cached
        assert second.path == first.path


async def test_a_python_that_brings_no_pip_gets_one_installed(
    environments: Environments, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_pip_wheel", lambda: "")
    packages.wheel("pip", pip="print('pip is here')")
    async with environments.use(packages.spec()) as env:
        assert run(env, "python", "-m", "pip") == "pip is here"


async def test_no_pip_to_be_had_is_reported_and_stops_nothing(
    environments: Environments, packages: Packages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_pip_wheel", lambda: "")
    packages.wheel("apple")
    said: list[str] = []
    async with environments.use(packages.spec("apple"), report=said.append) as env:
        assert run(env, "python", "-c", "import apple; print('fine')") == "fine"
    ours = ("can't install at run time", "compiling to bytecode")
    for words in ours:
        assert any(line.startswith("rq-agent: ") and words in line for line in said)


async def test_console_scripts_work_at_the_final_place(
    environments: Environments, packages: Packages
) -> None:
    packages.wheel("apple", scripts="apple-tool = apple:main", apple="def main(): print('crunch')")
    async with environments.use(packages.spec("apple")) as env:
        assert run(env, "apple-tool") == "crunch"


async def test_the_marker_tells_what_was_built_without_credentials(
    environments: Environments, packages: Packages
) -> None:
    packages.wheel("apple")
    spec = EnvironmentSpec(
        requirements=("apple",),
        index_options=(*packages.options, "--extra-index-url https://me:secret@127.0.0.1:1/simple"),
    )
    async with environments.use(spec) as env:
        text = (env.path / "environment.json").read_text("utf-8")
    marker = json.loads(text)
    assert "secret" not in text
    assert marker["key"] == env.key == env.path.name
    assert marker["requirements"] == ["apple"]
    assert marker["size_bytes"] > 1000
    assert marker["built_at"] == pytest.approx(time.time(), abs=60)


async def test_a_requirement_that_does_not_exist_is_refused_with_the_words_of_uv(
    environments: Environments, cache: Path, packages: Packages
) -> None:
    with pytest.raises(BuildError, match="could not install the requirements") as raised:
        async with environments.use(packages.spec("no-such-fruit==7")):
            pass
    assert "no-such-fruit" in raised.value.details
    assert "no-such-fruit" in str(raised.value)
    assert folders(cache) == []


async def test_a_file_with_another_hash_is_refused(
    environments: Environments, packages: Packages
) -> None:
    wheel = packages.wheel("apple")
    right = hashlib.sha256(wheel.read_bytes()).hexdigest()

    async with environments.use(packages.spec(f"apple==1.0 --hash=sha256:{right}")) as env:
        assert (env.site_packages / "apple.py").is_file()
    with pytest.raises(BuildError, match="could not install"):
        async with environments.use(packages.spec(f"apple==1.0 --hash=sha256:{'0' * 64}")):
            pass


async def test_hashed_lines_don_t_let_an_unhashed_dependency_in(
    environments: Environments, packages: Packages
) -> None:
    packages.wheel("pear")
    about = "apple-1.0.dist-info"
    wheel = packages.wheel_of(
        "apple",
        "1.0",
        {
            "apple.py": "",
            f"{about}/METADATA": (
                "Metadata-Version: 2.1\nName: apple\nVersion: 1.0\nRequires-Dist: pear\n"
            ),
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        },
    )
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    with pytest.raises(BuildError, match="pear"):
        async with environments.use(packages.spec(f"apple==1.0 --hash=sha256:{digest}")):
            pass


async def test_an_unreachable_index_is_told_in_the_words_of_uv(cache: Path) -> None:
    environments = Environments(cache, variables={**os.environ, "UV_HTTP_RETRIES": "0"})
    spec = EnvironmentSpec(
        requirements=("six",), index_options=("--index-url http://127.0.0.1:1/simple",)
    )
    with pytest.raises(BuildError, match=r"127\.0\.0\.1") as raised:
        async with environments.use(spec):
            pass
    assert raised.value.details


async def test_cancelling_kills_all_that_uv_started_and_leaves_no_folder(
    environments: Environments, cache: Path, packages: Packages
) -> None:
    started = packages.hanging("slow")

    async def use() -> None:
        async with environments.use(packages.spec("slow")):
            raise AssertionError("it was never built")

    async with anyio.create_task_group() as tg:
        tg.start_soon(use)
        pid = await started.pid()
        tg.cancel_scope.cancel()
    await ends(pid)
    assert folders(cache) == []


async def test_a_build_that_takes_too_long_is_given_up(cache: Path, packages: Packages) -> None:
    started = packages.hanging("slow")
    environments = Environments(cache, build_timeout_s=1)
    with anyio.fail_after(20), pytest.raises(BuildError, match="took longer than 1 s"):
        async with environments.use(packages.spec("slow")):
            pass
    await ends(await started.pid())
    assert folders(cache) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode != 0:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk_is_named(small_disk: Path, packages: Packages) -> None:
    packages.wheel("apple", apple="# " + os.urandom(200_000).hex())
    with pytest.raises(BuildError, match="disk full: no space left for"):
        async with Environments(small_disk).use(packages.spec("apple")):
            pass
    assert folders(small_disk) == []
