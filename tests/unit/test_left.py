"""What is found out of an attempt whose worker was killed."""

import os
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.errors import RqAgentError
from rq_agent.worker.process import boot_clock, exit_file, identity, shim, spec
from rq_agent.worker.process.handle import CLAIMS, Handle
from rq_agent.worker.process.journal import Attempt, WatchTerms
from rq_agent.worker.process.left import find, gpus_of, strays
from rq_agent.worker.process.spec import Spec
from rq_agent.worker.process.wait import read_exit


def attempt(folder: Path, **fields: Any) -> Attempt:
    return Attempt(task_id="a", fence=2, nonce="n", folder=str(folder), **fields)


def write_spec(folder: Path, env: dict[str, str] | None = None) -> None:
    what = Spec(argv=("x",), env=env or {}, cwd="/", grace_s=7, task_id="a", fence=2, nonce="n")
    spec.write(what, folder)


def us() -> Handle:
    """Return a handle of a process that lives: this one."""
    pid = os.getpid()
    ticks = identity.started_ticks(pid) or 0
    boot = identity.boot_id()
    return Handle(
        pid=pid, started_ticks=ticks, boot_id=boot, folder="/f", task_id="a", fence=2, nonce="n"
    )


def test_what_was_never_started_can_not_be_started_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_spec(tmp_path)

    assert find(attempt(tmp_path)) is None

    monkeypatch.chdir(tmp_path)
    assert [shim.take_folder(claim) for claim in CLAIMS] == [False, False]


@pytest.mark.parametrize("given_up", [0, 1])
def test_a_start_that_nobody_noted_is_found_with_its_terms(tmp_path: Path, given_up: int) -> None:
    write_spec(tmp_path)
    for claim in CLAIMS[:given_up]:
        os.symlink("given-up", tmp_path / claim)
    os.symlink(identity.of_this_process(), tmp_path / CLAIMS[given_up])

    left = find(attempt(tmp_path, claim={"timeout_ms": 60_000}))

    assert left is not None
    assert (left.handle.pid, left.is_running, left.is_of_this_boot) == (os.getpid(), True, True)
    assert (left.terms.grace_s, left.terms.timeout_s, left.terms.exclusive) == (7, 60, "keep")
    assert 0 < left.terms.started_s <= boot_clock.now_s()


def test_the_journal_s_own_terms_count(tmp_path: Path) -> None:
    terms = WatchTerms(grace_s=1, timeout_s=2, started_s=3, exclusive="kill")

    left = find(attempt(tmp_path, handle=us(), watch=terms))

    assert left is not None
    assert left.terms == terms


@pytest.mark.parametrize(
    ("change", "is_running", "is_of_this_boot"),
    [
        ({}, True, True),
        ({"started_ticks": 1}, False, True),  # the pid belongs to another process now
        ({"boot_id": "another"}, False, False),
    ],
)
def test_only_the_very_process_counts(
    tmp_path: Path, change: dict[str, Any], is_running: bool, is_of_this_boot: bool
) -> None:
    handle = Handle(**{f: getattr(us(), f) for f in Handle.__struct_fields__} | change)

    left = find(attempt(tmp_path, handle=handle))

    assert left is not None
    assert (left.is_running, left.is_of_this_boot) == (is_running, is_of_this_boot)


def test_nothing_starts_in_a_folder_that_is_gone(tmp_path: Path) -> None:
    assert find(attempt(tmp_path / "gone")) is None


def test_what_can_not_be_known_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*names: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "symlink", full)

    with pytest.raises(RqAgentError, match=r"can't tell whether .* was started: No space"):
        find(attempt(tmp_path))


@pytest.mark.parametrize("content", ["nonsense", "1.x.y", ""])
def test_a_link_that_names_no_process_is_none(tmp_path: Path, content: str) -> None:
    for claim in CLAIMS:
        if content:
            os.symlink(content, tmp_path / claim)
        else:
            (tmp_path / claim).write_text("a file")

    assert find(attempt(tmp_path)) is None


def test_only_what_runs_is_a_stray(tmp_path: Path) -> None:
    for name in ("runs", "known", "ended", "never", "tidy"):
        (tmp_path / name).mkdir()
        if name != "tidy":
            write_spec(tmp_path / name)
        if name != "never":
            os.symlink(identity.of_this_process(), tmp_path / name / CLAIMS[0])
    (tmp_path / "ended" / "exit.json").write_text("{}")

    found = strays(tmp_path, {tmp_path / "known"})

    assert [(Path(a.folder).name, a.task_id, a.fence, a.nonce) for a in found] == [
        ("runs", "a", 2, "n")
    ]
    assert strays(tmp_path / "none", set()) == []


@pytest.mark.parametrize(
    ("env", "gpus"),
    [
        ({}, ()),
        ({"CUDA_VISIBLE_DEVICES": ""}, ()),
        ({"CUDA_VISIBLE_DEVICES": "0,GPU-a"}, ("0", "GPU-a")),
    ],
)
def test_gpus_that_no_journal_says_are_those_that_it_was_shown(
    tmp_path: Path, env: dict[str, str], gpus: tuple[str, ...]
) -> None:
    write_spec(tmp_path, env)

    assert gpus_of(attempt(tmp_path)) == gpus
    assert gpus_of(attempt(tmp_path / "gone")) == ()


def test_a_task_that_put_folders_in_place_of_its_files_keeps_no_worker_from_starting(
    tmp_path: Path,
) -> None:
    run = tmp_path / "a.2"
    (run / shim.SPEC_NAME).mkdir(parents=True)
    os.symlink(identity.of_this_process(), run / CLAIMS[0])

    assert strays(tmp_path, ()) == []

    (run / exit_file.NAME).mkdir()
    found = read_exit(run)
    assert found is not None
    assert "exit.json is damaged" in found.error
