"""What is installed is what is in the repository, also where links do not survive."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

import rq_agent

ROOT = Path(__file__).parents[2]
PACKAGES = ("broker", "sdk", "worker", "scheduler", "web", "cli", "api")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that is built from the sdist, as package indexes and users build it."""
    folder = tmp_path_factory.mktemp("dist")
    command = [find_uv_bin(), "build", "--quiet", "--out-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True)
    [built] = folder.glob("*.whl")
    return built


def source_files() -> set[str]:
    files = {"rq_agent/__init__.py", "rq_agent/testing.py", "rq_agent/py.typed"}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*"):
            is_page = path.is_relative_to(ROOT / "web" / "static")
            if path.is_file() and (is_page or path.suffix in {".py", ".lua", ".service", ".tcss"}):
                files.add(f"rq_agent/{path.relative_to(ROOT)}")
    return files


def test_the_wheel_holds_every_source_file_and_nothing_else(wheel: Path) -> None:
    names = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}

    assert names == source_files()


def test_the_wheel_puts_one_name_into_site_packages(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"rq_agent"}


def test_the_installed_command_starts(wheel: Path, tmp_path: Path) -> None:
    uv = find_uv_bin()
    subprocess.run(
        [uv, "venv", "--quiet", "--python", sys.executable, "v"], cwd=tmp_path, check=True
    )
    python = tmp_path / "v" / "bin" / "python"
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, wheel], check=True)

    command = [str(tmp_path / "v" / "bin" / "rq-agent"), "version"]
    said = subprocess.run(command, check=False, capture_output=True, text=True)

    assert said.returncode == 0
    assert rq_agent.__version__ in said.stdout


def test_importing_rq_agent_in_a_script_imports_nothing_heavy() -> None:
    code = "import sys; from rq_agent import params; print(*sys.modules)"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert not {"redis", "msgspec", "typer", "anyio"} & set(said.stdout.split())
