"""What a person names decides what travels: a repository, a folder or a single file."""

import hashlib
import os
from pathlib import Path

import pytest

from rq_agent.broker.definition import Code, Entry
from rq_agent.broker.errors import UsageError
from rq_agent.broker.snapshot.take import Snapshot, take
from rq_agent.broker.snapshot.target import MARKERS
from rq_agent.broker.snapshot.unpack import unpack


def names(snapshot: Snapshot, tmp_path: Path) -> set[str]:
    tree = tmp_path / "unpacked"
    unpack(snapshot.code, snapshot.content, tree, cache=tmp_path / "cache")
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder without a repository."""
    made = tmp_path / "work"
    made.mkdir()
    (made / "x.py").write_text("import os\nprint(1)\n")
    (made / "unrelated.py").write_text("2\n")
    return made


def test_a_script_on_its_own_travels_alone_and_without_git(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    content = (folder / "x.py").read_bytes()

    snapshot = take(Path("x.py"), workdir=folder)

    blob = hashlib.sha256(content).hexdigest()
    assert snapshot.code == Code(form="file", blob=blob, size_bytes=len(content), file_name="x.py")
    assert snapshot.entry == Entry(script="x.py", workdir=".")
    assert names(snapshot, tmp_path) == {"x.py"}


@pytest.mark.parametrize("marker", MARKERS)
def test_a_folder_with_a_marker_travels_whole(folder: Path, tmp_path: Path, marker: str) -> None:
    (folder / marker).write_text("")

    assert names(take(folder / "x.py", workdir=folder), tmp_path) == {
        "x.py",
        "unrelated.py",
        marker,
    }


@pytest.mark.parametrize("line", ["import unrelated", "from unrelated import x", "import pkg.deep"])
def test_a_folder_travels_whole_if_the_script_imports_from_it(
    folder: Path, tmp_path: Path, line: str
) -> None:
    (folder / "pkg").mkdir()
    (folder / "pkg" / "deep.py").write_text("")
    (folder / "x.py").write_text(f"def f():\n    {line}\n")

    found = names(take(folder / "x.py", workdir=folder), tmp_path)

    assert found == {"x.py", "unrelated.py", "pkg/deep.py"}


def test_a_project_above_the_script_travels_if_the_person_stands_in_it(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "pyproject.toml").write_text("")
    (folder / "scripts").mkdir()
    (folder / "scripts" / "y.py").write_text("")

    inside = take(Path("scripts/y.py"), workdir=folder)
    below = take(Path("y.py"), workdir=folder / "scripts")

    assert inside.entry == Entry(script="scripts/y.py", workdir=".")
    assert "pyproject.toml" in names(inside, tmp_path)
    assert below.code.form == "file"


def test_a_home_is_never_taken_for_a_project(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "requirements.txt").write_text("")
    monkeypatch.setenv("HOME", str(folder))

    assert take(folder / "x.py", workdir=folder).code.form == "file"


def test_environments_and_caches_of_a_folder_stay_behind(folder: Path, tmp_path: Path) -> None:
    (folder / "pyproject.toml").write_text("")
    for name in (".venv/a.py", "node_modules/b/c", "pkg/__pycache__/d.pyc", "e.pyc", "kept/f"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("")
    (folder / ".rqagentignore").write_text("unrelated.py\n")

    found = names(take(folder / "x.py", workdir=folder), tmp_path)

    assert found == {"x.py", "pyproject.toml", ".rqagentignore", "kept/f"}


def test_nothing_is_written_into_a_folder(folder: Path) -> None:
    (folder / "pyproject.toml").write_text("")
    before = {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}

    take(folder / "x.py", workdir=folder)

    assert {path: path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]} == before


def test_a_script_that_is_a_link_travels_under_its_own_name(folder: Path, tmp_path: Path) -> None:
    (folder / "alias.py").symlink_to("x.py")

    snapshot = take(folder / "alias.py", workdir=folder)

    assert snapshot.entry.script == "alias.py"
    assert snapshot.content == (folder / "x.py").read_bytes()


def test_a_link_that_leaves_its_project_is_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "far.py").write_text("")
    (folder / "pyproject.toml").write_text("")
    (folder / "alias.py").symlink_to("../far.py")

    with pytest.raises(UsageError, match=r"alias\.py is a link that leaves"):
        take(Path("alias.py"), workdir=folder)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere.py", "script not found: nowhere.py"),
        ("x.py/y.py", "script not found: x.py/y.py"),
        (".", ". is a directory; name the script inside it"),
        ("pipe", "pipe is not a regular file"),
        ("dangling", "dangling is a link to a file that does not exist"),
        ("loop", "can't read loop: Too many levels of symbolic links"),
    ],
)
def test_what_is_no_script_is_refused_in_plain_words(folder: Path, name: str, words: str) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to("nothing")
    (folder / "loop").symlink_to("loop")

    with pytest.raises(UsageError) as caught:
        take(Path(name), workdir=folder)

    assert str(caught.value) == words


def test_a_script_that_is_no_python_travels_alone(folder: Path) -> None:
    (folder / "x.py").write_bytes(b"\xff\x00 not python (")

    assert take(folder / "x.py", workdir=folder).code.form == "file"
