"""Rules without a disk: what to remove, what a version means, what uv said."""

import os
from pathlib import Path

import pytest

from rq_agent.broker.errors import BuildError
from rq_agent.worker.environment.build import all_hashed
from rq_agent.worker.environment.evict import MOST_BYTES, Cached, default_bytes, removal_order
from rq_agent.worker.environment.python import search_path, wanted
from rq_agent.worker.environment.uv import Uv, bundled, failure

UV = Uv(binary="uv", cache=Path("/cache/uv"), variables={})


def test_environments_are_removed_in_the_order_of_their_last_use() -> None:
    cached = [Cached(key=key, size_bytes=1, last_used_ns=at) for key, at in [("b", 2), ("a", 1)]]
    never = Cached(key="z", size_bytes=1, last_used_ns=0)
    assert [one.key for one in removal_order([*cached, never])] == ["z", "a", "b"]


@pytest.mark.parametrize(
    ("free_bytes", "cached_bytes", "most"),
    [(10**15, 0, MOST_BYTES), (10**9, 0, 3 * 10**8), (0, 10**9, 3 * 10**8), (0, 0, 0)],
)
def test_environments_may_take_a_share_of_a_small_disk(
    free_bytes: int, cached_bytes: int, most: int
) -> None:
    assert default_bytes(free_bytes=free_bytes, cached_bytes=cached_bytes) == most


@pytest.mark.parametrize(
    ("words", "inside", "outside"),
    [
        ("3.11", "3.11.9", "3.12.0"),
        ("3.11.7", "3.11.7", "3.11.8"),
        ("3", "3.14.1", "4.0"),
        (">=3.10,<3.13", "3.12.9", "3.13.0"),
        ("~=3.11", "3.12.0", "3.10.1"),
        (" 3.12 ", "3.12.1", "3.11.1"),
        ("3.14.0rc1", "3.14.0rc1", "3.14.0"),
    ],
)
def test_a_version_means_all_of_its_patches(words: str, inside: str, outside: str) -> None:
    assert wanted(words).contains(inside, prereleases=True)
    assert not wanted(words).contains(outside, prereleases=True)


@pytest.mark.parametrize("words", ["python3", "--help", "three", ">=3.x", "3.11 3.12"])
def test_words_that_are_no_version_are_refused(words: str) -> None:
    with pytest.raises(BuildError, match="neither a version like"):
        wanted(words)


def test_shims_are_replaced_by_what_they_stand_for(tmp_path: Path) -> None:
    for version in ("2.7.18", "3.9.18", "3.12.1"):
        (tmp_path / "versions" / version / "bin").mkdir(parents=True)
    path = os.pathsep.join([str(tmp_path / "shims"), "/usr/bin"])
    assert search_path({"PYENV_ROOT": str(tmp_path), "PATH": path}).split(os.pathsep) == [
        "/usr/bin",
        str(tmp_path / "versions" / "3.12.1" / "bin"),
        str(tmp_path / "versions" / "3.9.18" / "bin"),
    ]


@pytest.mark.parametrize(
    ("requirements", "answer"),
    [
        ((), False),
        (("a==1 --hash=sha256:0",), True),
        (("a==1 --hash=sha256:0", "b==1"), False),
    ],
)
def test_hashes_are_required_only_where_every_line_has_one(
    requirements: tuple[str, ...], answer: bool
) -> None:
    assert all_hashed(requirements) is answer


@pytest.mark.parametrize(
    "words",
    [
        "error: No solution found when resolving dependencies\n  cause: Because x was not found.",
        "  \N{MULTIPLICATION SIGN} No solution found when resolving dependencies:\n  ╰─▶ Because x was not found.",
    ],
)
def test_the_words_of_uv_become_one_line_and_stay_whole_behind_it(words: str) -> None:
    error = failure(UV, "uv could not install the requirements", words)
    assert "No solution found when resolving dependencies" in str(error)
    assert str(error).endswith("Because x was not found.")
    assert error.details == words


def test_unknown_words_of_uv_leave_the_problem_itself() -> None:
    assert str(failure(UV, "uv could not do it", "Killed")) == "uv could not do it"


@pytest.mark.parametrize("mark", ["No space left on device (os error 28)", "Disk quota exceeded"])
def test_a_full_disk_is_said_before_anything_else(mark: str) -> None:
    error = failure(UV, "uv could not do it", f"error: failed to write\n  cause: {mark}")
    assert str(error) == "disk full: no space left for /cache; free some"


def test_uv_gets_no_secret_of_ours_and_no_other_environment() -> None:
    variables = {
        "RQ_AGENT_REDIS_URL": "redis://:secret@host",
        "VIRTUAL_ENV": "/somewhere",
        "UV_PYTHON": "3.9",
        "UV_INDEX_URL": "https://packages.example",
    }
    assert bundled(Path("/cache/uv"), variables).variables == {
        "UV_INDEX_URL": "https://packages.example",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_CACHE_DIR": "/cache/uv",
        "NO_COLOR": "1",
    }


def test_downloads_of_pythons_are_what_the_worker_s_own_settings_say() -> None:
    uv = bundled(Path("/cache/uv"), {"UV_PYTHON_DOWNLOADS": "automatic"})
    assert uv.variables["UV_PYTHON_DOWNLOADS"] == "automatic"
