"""What one task sees, and that nothing it does reaches the others."""

import os
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from rq_agent.worker.environment.cache import Environment, Environments
from rq_agent.worker.environment.copy import private_copy
from rq_agent.worker.environment.overlay import Overlay, overlay, read_only_paths

from .packages import Packages

Fingerprint = Callable[[Path], str]


@pytest.fixture
async def shared(environments: Environments, packages: Packages) -> AsyncIterator[Environment]:
    packages.wheel(
        "apple",
        apple="import sys\nversion = 'shared'\ndef main(): print(sys.executable)",
        scripts="apple-tool = apple:main",
    )
    packages.wheel("pear", pear="whose = 'shared'")
    async with environments.use(packages.spec("apple", "pear")) as env:
        yield env


@pytest.fixture
def task(shared: Environment, tmp_path: Path) -> Overlay:
    (tmp_path / "own").mkdir()
    (tmp_path / "sdk").mkdir()
    return overlay(
        shared,
        tmp_path / "venv",
        source_roots=[tmp_path / "own"],
        sdk=tmp_path / "sdk",
        path=os.defpath,
    )


def run(task: Overlay, *argv: str) -> str:
    """Return what a program prints that is started like the task."""
    ended = subprocess.run(
        argv, env=task.variables, check=False, capture_output=True, text=True, cwd="/"
    )
    assert ended.returncode == 0, ended.stderr
    assert "Error" not in ended.stderr
    return ended.stdout.strip()


def python(task: Overlay, code: str) -> str:
    """Return what a line of Python prints in the task."""
    return run(task, str(task.python), "-c", code)


def install(task: Overlay, packages: Packages, *argv: str) -> None:
    """Install at run time, as a script would."""
    run(task, "pip", "install", "--no-index", "--find-links", str(packages.folder), *argv)


def test_packages_of_the_shared_environment_can_be_imported(task: Overlay) -> None:
    assert python(task, "import apple; print(apple.version)") == "shared"


def test_the_import_path_is_own_then_overlay_then_shared_then_sdk_then_pip(
    task: Overlay, shared: Environment, tmp_path: Path
) -> None:
    path = python(task, "import sys; print(*sys.path[1:], sep='\\n')").splitlines()
    if shared.pip:
        assert path.pop() == str(shared.pip)
    assert "lib-dynload" in path[-5]  # the standard library comes first
    assert path[-4:] == [
        str(tmp_path / "own"),
        str(tmp_path / "venv" / shared.interpreter.site_packages),
        str(shared.site_packages),
        str(tmp_path / "sdk"),
    ]


def test_own_modules_hide_installed_ones_but_not_the_standard_library(
    task: Overlay, tmp_path: Path
) -> None:
    (tmp_path / "own" / "apple.py").write_text("version = 'own'")
    (tmp_path / "own" / "queue.py").write_text("raise SystemExit('wrong queue')")
    assert python(task, "import apple, queue; print(apple.version)") == "own"


def test_every_name_of_python_is_the_task_s(task: Overlay, tmp_path: Path) -> None:
    where = "import sys; print(sys.prefix, sys.executable)"
    for name in ("python", "python3"):
        prefix, executable = run(task, name, "-c", where).split()
        assert prefix == str(tmp_path / "venv")
        assert executable == str(tmp_path / "venv" / "bin" / name)


def test_pip_in_the_overlay_is_found_beside_its_python(task: Overlay, tmp_path: Path) -> None:
    for name in ("pip", "pip3"):
        said = run(task, str(tmp_path / "venv" / "bin" / name), "--version")
        assert said.startswith("pip ")


def test_console_scripts_run_with_the_task_s_python(task: Overlay) -> None:
    assert run(task, "apple-tool") == str(task.python)


def test_installing_at_run_time_goes_to_the_task_alone(
    task: Overlay,
    shared: Environment,
    packages: Packages,
    tmp_path: Path,
    fingerprint: Fingerprint,
) -> None:
    before = fingerprint(shared.path)
    packages.wheel("plum", plum="taste = 'sweet'", scripts="plum-tool = plum:main")

    install(task, packages, "plum")

    assert python(task, "import plum; print(plum.__file__)").startswith(str(tmp_path / "venv"))
    assert (tmp_path / "venv" / "bin" / "plum-tool").is_file()
    assert fingerprint(shared.path) == before


def test_upgrading_at_run_time_hides_the_shared_version_and_leaves_it(
    task: Overlay, shared: Environment, packages: Packages, fingerprint: Fingerprint
) -> None:
    before = fingerprint(shared.path)
    packages.wheel("apple", "2.0", apple="version = 'upgraded'")

    install(task, packages, "--upgrade", "apple")

    assert python(task, "import apple; print(apple.version)") == "upgraded"
    assert python(task, "import pear; print(pear.whose)") == "shared"
    assert fingerprint(shared.path) == before


def test_uninstalling_at_run_time_does_not_reach_the_shared_environment(
    task: Overlay, shared: Environment, fingerprint: Fingerprint
) -> None:
    before = fingerprint(shared.path)
    run(task, "pip", "uninstall", "--yes", "apple")
    assert fingerprint(shared.path) == before


def test_two_tasks_do_not_see_what_the_other_one_installs(
    task: Overlay, shared: Environment, packages: Packages, tmp_path: Path
) -> None:
    other = overlay(shared, tmp_path / "other", source_roots=[], sdk=tmp_path / "sdk")
    packages.wheel("plum")
    install(task, packages, "plum")
    found = "import importlib.util; print(importlib.util.find_spec('plum') is not None)"
    assert (python(task, found), python(other, found)) == ("True", "False")


async def test_pth_files_of_the_shared_environment_are_followed(
    environments: Environments, packages: Packages, tmp_path: Path
) -> None:
    about = "extra-1.0.dist-info"
    packages.wheel_of(
        "extra",
        "1.0",
        {
            "extra.pth": "extra_folder\nimport sys; sys.extra_was_here = True\n",
            "extra_folder/hidden.py": "found = True",
            f"{about}/METADATA": "Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n",
            f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        },
    )
    async with environments.use(packages.spec("extra")) as env:
        task = overlay(env, tmp_path / "venv", source_roots=[], sdk=tmp_path)
        line = "import sys, hidden; print(hidden.found, sys.extra_was_here)"
        assert python(task, line) == "True True"


async def test_files_that_packages_look_for_below_the_prefix_are_there(
    environments: Environments, packages: Packages, tmp_path: Path
) -> None:
    about = "extra-1.0"
    packages.wheel_of(
        "extra",
        "1.0",
        {
            f"{about}.data/data/share/fruit/list.txt": "apple",
            f"{about}.dist-info/METADATA": "Metadata-Version: 2.1\nName: extra\nVersion: 1.0\n",
            f"{about}.dist-info/WHEEL": (
                "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            ),
        },
    )
    async with environments.use(packages.spec("extra")) as env:
        task = overlay(env, tmp_path / "venv", source_roots=[], sdk=tmp_path)
        line = "import sys; print(open(sys.prefix + '/share/fruit/list.txt').read())"
        assert python(task, line) == "apple"


async def test_what_tasks_link_to_is_removed_with_the_environment(
    cache: Path, packages: Packages, tmp_path: Path
) -> None:
    tight = Environments(cache, max_bytes=0)
    async with tight.use(packages.spec()) as env:
        overlay(env, tmp_path / "venv", source_roots=[], sdk=tmp_path)
        assert env.overlays.is_dir()

    assert await tight.evict() == [env.key]

    assert not env.overlays.exists()


def test_paths_of_any_letters_work(shared: Environment, tmp_path: Path) -> None:
    root = tmp_path / "Übung 'eins'\n語"
    root.mkdir()
    (root / "mine.py").write_text("here = True")
    task = overlay(shared, root / "venv", source_roots=[root], sdk=tmp_path, path=os.defpath)
    task.variables["LC_ALL"] = "C"
    assert python(task, "import mine, apple; print(mine.here)") == "True"


def test_packages_of_the_user_s_home_stay_out(task: Overlay, tmp_path: Path) -> None:
    task.variables["HOME"] = str(tmp_path)
    assert python(task, "import site; print(site.ENABLE_USER_SITE)") == "False"


def test_processes_that_the_task_spawns_see_the_same(task: Overlay, tmp_path: Path) -> None:
    (tmp_path / "own" / "worker.py").write_text("import apple\ndef eat(n): return apple.version\n")
    (tmp_path / "own" / "main.py").write_text(
        "import multiprocessing, worker\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(worker.eat, [1]))\n"
    )
    assert run(task, "python", "-m", "main") == "['shared']"


def test_all_that_tasks_share_must_be_read_only(shared: Environment) -> None:
    assert read_only_paths(shared) == (str(shared.path), str(shared.overlays))


def test_a_start_writes_nothing_and_reads_no_zip(
    task: Overlay, tmp_path: Path, fingerprint: Fingerprint
) -> None:
    before = fingerprint(tmp_path / "venv")
    finders = python(task, "import sys; print(*map(type, sys.path_importer_cache.values()))")
    assert "FileFinder" in finders
    assert "zip" not in finders
    assert fingerprint(tmp_path / "venv") == before


def test_pip_leaves_its_bytecode_and_nothing_else(task: Overlay, shared: Environment) -> None:
    if shared.pip is None:
        pytest.skip("this interpreter brought none")
    files = {path for path in shared.pip.rglob("*") if path.suffix != ".pyc"}
    cached = Path(python(task, "import pip; print(pip.__spec__.cached)"))
    assert cached.is_file()
    assert shared.pip in cached.parents
    assert {path for path in shared.pip.rglob("*") if path.suffix != ".pyc"} == files


def test_an_overlay_is_made_of_folders_and_links_alone(
    task: Overlay, shared: Environment, tmp_path: Path
) -> None:
    other = tmp_path / "run" / "venv"
    other.parent.mkdir()
    overlay(shared, other, source_roots=[other.parent / "own"], sdk=tmp_path / "sdk")
    places = [path for path in other.rglob("*") if path.is_symlink() or not path.is_dir()]
    assert all(path.is_symlink() and path.lstat().st_nlink > 1 for path in places)


def test_an_overlay_on_another_file_system_works_as_well(shared: Environment) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == shared.path.stat().st_dev:
        pytest.skip("there is no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        task = overlay(shared, Path(folder, "venv"), source_roots=[], sdk=memory, path=os.defpath)
        assert python(task, "import apple; print(apple.version)") == "shared"
        assert run(task, "pip", "--version").startswith("pip ")


def test_source_roots_move_with_the_run_folder(shared: Environment, tmp_path: Path) -> None:
    tasks = []
    for name in ("one", "two"):
        root = tmp_path / name / "tree" / "src"
        root.mkdir(parents=True)
        (root / "mine.py").write_text(f"whose = {name!r}")
        folder = tmp_path / name / "venv"
        tasks.append(overlay(shared, folder, source_roots=[root], sdk=tmp_path, path=os.defpath))
    assert [python(task, "import mine; print(mine.whose)") for task in tasks] == ["one", "two"]
    pth = f"{shared.interpreter.site_packages}/_rq_agent.pth"
    assert (tmp_path / "one/venv" / pth).samefile(tmp_path / "two/venv" / pth)


async def test_a_private_copy_can_be_written_without_touching_the_shared_one(
    shared: Environment, tmp_path: Path, fingerprint: Fingerprint
) -> None:
    before = fingerprint(shared.path.parent)
    mine = await private_copy(shared, tmp_path / "mine")
    task = overlay(mine, tmp_path / "venv", source_roots=[], sdk=tmp_path, path=os.defpath)

    (mine.site_packages / "apple.py").write_text("version = 'edited'")

    assert python(task, "import apple; print(apple.version)") == "edited"
    assert (mine.site_packages / "apple.py").stat().st_nlink == 1
    assert fingerprint(shared.path.parent) == before
    assert {path.name for path in (tmp_path / "venv").iterdir()} == {"bin", "lib", "pyvenv.cfg"}
