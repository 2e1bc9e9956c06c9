"""What a session of a worker that was killed left of an attempt."""

from collections.abc import Collection
from pathlib import Path

import msgspec

from . import boot_clock, exit_file, handle, identity, spec
from .handle import Handle
from .journal import Attempt, WatchTerms


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, as it was found."""

    handle: Handle
    is_running: bool
    """Under its shim, now."""
    is_of_this_boot: bool
    """False: the machine was restarted since."""
    terms: WatchTerms


def find(attempt: Attempt) -> Left | None:
    """Return what was left of an attempt; None: its program was never started, and never will be.

    A launcher may still be forking what the worker asked it for, so its start is made impossible.

    Raises:
        RqAgentError: the run folder can't be written, so nobody knows.
    """
    found = attempt.handle or _settle(attempt)
    if found is None:
        return None
    return Left(
        handle=found,
        is_running=handle.is_alive(found),
        is_of_this_boot=found.boot_id == identity.boot_id(),
        terms=attempt.watch or _terms(attempt, found),
    )


def strays(tasks: Path, known: Collection[Path]) -> list[Attempt]:
    """Return the attempts that run and that the journal does not know: it was damaged.

    Args:
        tasks: the folder of run folders.
        known: run folders that the journal knows.
    """
    if not tasks.is_dir():
        return []
    return [a for f in tasks.iterdir() if f not in known and (a := _stray(f)) is not None]


def gpus_of(attempt: Attempt) -> tuple[str, ...]:
    """Return the GPUs of an attempt whose journal does not say them, from what it was shown."""
    written = spec.read(Path(attempt.folder))
    shown = written.env.get("CUDA_VISIBLE_DEVICES", "") if written else ""
    return tuple(name for name in shown.split(",") if name)


def _stray(folder: Path) -> Attempt | None:
    if (folder / exit_file.NAME).exists():
        return None
    found = handle.recover(folder)
    if found is None or not found.task_id or not handle.is_alive(found):
        return None
    return Attempt(
        task_id=found.task_id,
        fence=found.fence,
        nonce=found.nonce,
        folder=found.folder,
        handle=found,
    )


def _settle(attempt: Attempt) -> Handle | None:
    folder = Path(attempt.folder)
    if not folder.is_dir():
        return None  # a shim begins by entering it
    for claim in handle.CLAIMS:
        taken = handle.give_up(folder, claim)
        if taken is not None:
            return _handle(attempt, *taken)
    return None


def _handle(attempt: Attempt, pid: int, started_ticks: int, boot_id: str) -> Handle:
    written = spec.read(Path(attempt.folder))
    return Handle(
        pid=pid,
        started_ticks=started_ticks,
        boot_id=boot_id,
        folder=attempt.folder,
        cgroup=written.cgroup if written else "",
        task_id=attempt.task_id,
        fence=attempt.fence,
        nonce=attempt.nonce,
    )


def _terms(attempt: Attempt, found: Handle) -> WatchTerms:
    """Return the terms of an attempt of which no start is noted: cut, or of an older version."""
    written = spec.read(Path(attempt.folder))
    timeout_ms = attempt.claim.get("timeout_ms")
    return WatchTerms(
        grace_s=written.grace_s if written else WatchTerms().grace_s,
        timeout_s=timeout_ms / 1000 if isinstance(timeout_ms, int) else 0,
        exclusive="kill" if written and written.deadline_s else "keep",
        started_s=boot_clock.of_ticks(found.started_ticks),
    )
