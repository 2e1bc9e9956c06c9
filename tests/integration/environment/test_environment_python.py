"""Interpreters of the real machine."""

import os
import platform
import sys
from pathlib import Path

import pytest

from rq_agent.broker.definition import EnvironmentSpec
from rq_agent.broker.errors import BuildError
from rq_agent.worker.environment import python
from rq_agent.worker.environment.cache import Environments
from rq_agent.worker.environment.python import Pythons
from rq_agent.worker.environment.uv import Uv, bundled, run


@pytest.fixture
def uv(cache: Path) -> Uv:
    return bundled(cache / "uv", os.environ)


async def found_by_uv(uv: Uv) -> str:
    """Return a version of another minor than ours that this machine has, or skip the test."""
    for minor in range(10, 16):
        if minor != sys.version_info.minor:
            try:
                return (await Pythons(uv).resolve(f"3.{minor}")).version
            except BuildError:
                continue
    pytest.skip("this machine has one Python")


@pytest.mark.parametrize("request_", ["", ">=3.11", platform.python_version()])
async def test_the_worker_s_own_python_is_taken_where_it_fits(uv: Uv, request_: str) -> None:
    interpreter = await Pythons(uv).resolve(request_)
    assert interpreter.version == platform.python_version()
    assert interpreter.executable == sys._base_executable  # type: ignore[attr-defined]


async def test_another_python_of_the_machine_is_found_and_used(cache: Path, uv: Uv) -> None:
    version = await found_by_uv(uv)
    async with Environments(cache).use(EnvironmentSpec(python=f"=={version}")) as env:
        told = await run(
            uv,
            "-c",
            "import platform; print(platform.python_version())",
            program=str(env.path / "bin" / "python"),
        )
        assert told.output.strip() == version
        assert env.site_packages.is_dir()


async def test_a_python_that_is_not_there_is_named_with_those_that_are(uv: Uv) -> None:
    with pytest.raises(
        BuildError, match=r"python 3\.77 is not on this machine; found: .*3\.1"
    ) as e:
        await Pythons(uv).resolve("3.77")
    assert "3.77" in e.value.details or "interpreter" in e.value.details


async def test_words_that_are_no_version_are_refused(uv: Uv) -> None:
    with pytest.raises(BuildError, match="'/bin/sh' is neither a version"):
        await Pythons(uv).resolve("/bin/sh")


async def test_versions_that_a_pyenv_shim_refuses_are_found(uv: Uv, tmp_path: Path) -> None:
    version = await found_by_uv(uv)
    real = (await Pythons(uv).resolve(version)).executable
    root = tmp_path / "pyenv"
    (root / "shims").mkdir(parents=True)
    shim = root / "shims" / "python3"
    shim.write_text("#!/bin/sh\necho 'not by pyenv global' >&2\nexit 127\n")
    shim.chmod(0o755)
    (root / "versions" / version).mkdir(parents=True)
    (root / "versions" / version / "bin").symlink_to(Path(real).parent)
    variables = {"PATH": str(root / "shims"), "PYENV_ROOT": str(root), "HOME": str(tmp_path)}

    interpreter = await Pythons(bundled(tmp_path / "uv", variables)).resolve(version)

    assert interpreter.version == version
    assert "shims" not in interpreter.executable


async def test_what_was_found_is_remembered_until_the_file_changes(
    uv: Uv, monkeypatch: pytest.MonkeyPatch
) -> None:
    pythons = Pythons(uv)
    first = await pythons.resolve("")
    assert await pythons.resolve("") is first

    monkeypatch.setattr(python, "_stamp", lambda _: (1, 1))  # as if it had been replaced

    assert await pythons.resolve("") is not first
