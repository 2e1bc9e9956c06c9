"""Where a repository stands and what is told about it."""

import subprocess
from pathlib import Path

import pytest

from rq_agent.broker.definition import Entry
from rq_agent.broker.errors import SnapshotError
from rq_agent.broker.snapshot.origin import without_credentials
from rq_agent.broker.snapshot.take import Snapshot, take
from rq_agent.broker.snapshot.unpack import unpack


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository without a commit."""
    root = tmp_path / "repo"
    (root / "sub").mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    (root / "sub" / "train.py").write_text("print(1)\n")
    (root / "other.py").write_text("print(2)\n")
    return root


def commit(repo: Path) -> str:
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "x")
    return git(repo, "rev-parse", "HEAD").strip()


def names(snapshot: Snapshot, tmp_path: Path) -> set[str]:
    tree = tmp_path / "tree"
    unpack(snapshot.code, snapshot.content, tree, cache=tmp_path / "cache")
    return {str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file()}


def test_a_script_is_named_from_the_root_and_starts_where_the_caller_stands(repo: Path) -> None:
    snapshot = take(Path("train.py"), workdir=repo / "sub")

    assert snapshot.entry == Entry(script="sub/train.py", workdir="sub")
    assert snapshot.root == repo


def test_a_caller_outside_of_the_root_starts_in_the_root(repo: Path, tmp_path: Path) -> None:
    snapshot = take(Path("repo/sub/train.py"), workdir=tmp_path)

    assert snapshot.entry == Entry(script="sub/train.py", workdir=".")


def test_a_caller_in_a_folder_that_stays_behind_starts_in_the_root(repo: Path) -> None:
    (repo / "out").mkdir()

    snapshot = take(Path("../sub/train.py"), workdir=repo / "out")

    assert snapshot.entry == Entry(script="sub/train.py", workdir=".")
    assert "nothing of out travels, so the task starts in the root" in snapshot.summary


def test_a_repository_without_a_commit_travels(repo: Path, tmp_path: Path) -> None:
    snapshot = take(repo / "other.py", workdir=repo)

    assert names(snapshot, tmp_path) == {"other.py", "sub/train.py"}
    assert (snapshot.code.origin_commit, snapshot.code.origin_branch) == ("", "main")
    assert snapshot.code.dirty


def test_a_worktree_travels(repo: Path, tmp_path: Path) -> None:
    commit(repo)
    git(repo, "worktree", "add", "-q", "-b", "topic", str(tmp_path / "wt"))
    (tmp_path / "wt" / "new.py").write_text("new\n")

    snapshot = take(tmp_path / "wt" / "other.py", workdir=tmp_path / "wt")

    assert names(snapshot, tmp_path) == {"other.py", "sub/train.py", "new.py"}
    assert snapshot.code.origin_branch == "topic"


def test_a_repository_named_by_sha256_travels(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--object-format=sha256")
    (tmp_path / "x.py").write_text("1\n")
    commit(tmp_path)

    snapshot = take(tmp_path / "x.py", workdir=tmp_path)

    assert len(snapshot.code.commit) == 64
    assert not snapshot.code.dirty
    assert names(snapshot, tmp_path) == {"x.py"}


def test_a_detached_head_has_a_commit_and_no_branch(repo: Path) -> None:
    head = commit(repo)
    git(repo, "checkout", "-q", "--detach")

    code = take(repo / "other.py", workdir=repo).code

    assert (code.origin_commit, code.origin_branch, code.dirty) == (head, "", False)


@pytest.mark.parametrize("change", ["edit", "add", "delete", "mode"])
def test_dirty_means_that_what_travels_is_not_head(repo: Path, change: str) -> None:
    commit(repo)
    other = repo / "other.py"
    match change:
        case "edit":
            other.write_text("print(3)\n")
        case "add":
            (repo / "new.py").write_text("")
        case "delete":
            other.unlink()
        case "mode":
            other.chmod(0o755)

    assert take(repo / "sub" / "train.py", workdir=repo).code.dirty


def test_leaving_tracked_files_out_by_rule_is_not_dirty(repo: Path) -> None:
    (repo / ".rqagentignore").write_text("other.py\n")
    commit(repo)

    assert not take(repo / "sub" / "train.py", workdir=repo).code.dirty


def test_the_url_of_the_remote_is_told_without_its_password(repo: Path) -> None:
    commit(repo)
    git(repo, "remote", "add", "origin", "https://user:secret@git.example.org/a/b.git")

    code = take(repo / "other.py", workdir=repo).code

    assert code.origin_url == "https://git.example.org/a/b.git"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://token@git.example.org/a", "https://git.example.org/a"),
        ("https://git.example.org/a?token=x#y", "https://git.example.org/a"),
        ("ssh://git@git.example.org:22/a", "ssh://git@git.example.org:22/a"),
        ("ssh://git:pw@git.example.org/a", "ssh://git.example.org/a"),
        ("git@git.example.org:a/b", "git@git.example.org:a/b"),
        ("me:pw@git.example.org:a/b", "git.example.org:a/b"),
        ("/srv/a:b@c/d", "/srv/a:b@c/d"),
        ("../a", "../a"),
        ("https://[broken:pw@x", ""),
    ],
)
def test_a_url_loses_what_is_secret_and_nothing_else(url: str, shown: str) -> None:
    assert without_credentials(url) == shown


def test_inherited_git_variables_are_not_obeyed(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "no-index"))

    assert take(repo / "other.py", workdir=repo).file_count == 2


def test_a_broken_repository_is_an_error_in_gits_own_words(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /nowhere\n")
    (tmp_path / "x.py").write_text("1\n")

    with pytest.raises(SnapshotError, match="not a git repository"):
        take(tmp_path / "x.py", workdir=tmp_path)
