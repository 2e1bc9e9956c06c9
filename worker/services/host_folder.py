"""The folder of one host: what it is, for this session and the next one."""

import os
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ... import __version__
from ...broker.errors import RqAgentError
from ..process import boot_clock, foreign_file
from ..process import handle as handles
from ..process.handle import Handle
from ..run_folder import make_private
from .calls import HostPlan, Kind
from .isolation import ALONE, most_in

_NAME: Final = "host.json"
_FACTS_BYTES: Final = 4096
_WORDS_BYTES: Final = 4096
_PRINTED_BYTES: Final = 16 * 1024 * 1024


class HostFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a host is, and who may run in it."""

    number: Annotated[int, msgspec.Meta(ge=0, lt=10**9)]
    """Of this worker; no other host of it had that."""
    key: str
    """Of its plan."""
    kind: Kind
    isolation: int
    """Class of the calls in it; see isolation.py."""
    most: int
    """Calls at once."""
    alone: bool
    """It is used once."""
    version: str = __version__
    """Of the worker that made it."""


def facts_of(plan: HostPlan, isolation: int, number: int) -> HostFacts:
    """Return what a host of a plan is."""
    return HostFacts(
        number=number,
        key=plan.key,
        kind=plan.kind,
        isolation=isolation,
        most=1 if plan.alone else most_in(isolation, plan.most),
        alone=plan.alone or isolation >= ALONE,
    )


def name(hosts: Path, facts: HostFacts) -> Path:
    """Return a folder for a host below `hosts`, that no other one ever had."""
    return hosts / f"{facts.number}.{secrets.token_hex(4)}"


def make(folder: Path, facts: HostFacts) -> None:
    """Make the folder of a host, for this user only.

    Raises:
        OSError: it can't be made.
    """
    make_private(folder)
    (folder / _NAME).write_bytes(msgspec.json.encode(facts))


def started_at(handle: Handle) -> float:
    """Return when a host was started, in Unix seconds."""
    return time.time() - boot_clock.now_s() + boot_clock.of_ticks(handle.started_ticks)


def last_words(folder: Path) -> str:
    """Return the end of what a host printed outside of any call."""
    try:
        words = foreign_file.read(folder / "err", _WORDS_BYTES, from_end=True)
    except OSError:
        return ""
    return words.decode("utf-8", "replace").strip()


def shorten(folder: Path) -> None:
    """Empty what a host printed outside of any call, where that is long: few ever look at it."""
    for name in ("out", "err"):
        path = folder / name
        with suppress(OSError):
            if path.lstat().st_size > _PRINTED_BYTES:
                os.truncate(path, 0)  # it is appended to


def remove(*folders: Path) -> None:
    """Remove folders, with what users' code put there."""
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


class LeftHost(msgspec.Struct, frozen=True, kw_only=True):
    """A host that an earlier session of the worker left."""

    folder: Path
    facts: HostFacts
    handle: Handle
    is_running: bool


def left(hosts: Path) -> list[LeftHost]:
    """Return the hosts that earlier sessions left, oldest first; remove folders without one.

    Whatever was about to start is kept from that.
    """
    if not hosts.is_dir():
        return []
    found = [one for folder in hosts.iterdir() if (one := _left(folder)) is not None]
    return sorted(found, key=lambda one: one.facts.number)


def is_any_alive(hosts: Path) -> bool:
    """Return whether a host that an earlier session left runs; look, and change nothing."""
    if not hosts.is_dir():
        return False
    found = (handles.recover(folder) for folder in hosts.iterdir())
    return any(handle is not None and handles.is_alive(handle) for handle in found)


def _left(folder: Path) -> LeftHost | None:
    handle = _handle(folder)
    if handle is None:
        remove(folder)
        return None
    return LeftHost(
        folder=folder, facts=_facts(folder), handle=handle, is_running=handles.is_alive(handle)
    )


def _facts(folder: Path) -> HostFacts:
    try:
        return msgspec.json.decode(foreign_file.read(folder / _NAME, _FACTS_BYTES), type=HostFacts)
    except (OSError, msgspec.MsgspecError):  # users' code may have put anything in its place
        number = folder.name.partition(".")[0]
        return HostFacts(
            number=int(number) if number.isdecimal() and len(number) < 10 else 0,
            key="",
            kind="coroutine",
            isolation=0,
            most=0,
            alone=True,
        )


def _handle(folder: Path) -> Handle | None:
    """Return who runs in a folder; None: nobody ever will."""
    for claim in handles.CLAIMS:
        try:
            handles.give_up(folder, claim)
        except RqAgentError:  # a full disk: the launcher of a dead worker forks nothing any more
            continue
    return handles.recover(folder)
