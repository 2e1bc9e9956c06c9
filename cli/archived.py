"""Tasks that left Redis: commands that look at one find it in the archive."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_thread

from ..broker.archive.archived import ArchivedTask
from ..broker.archive.finding import find
from ..broker.archive.location import open_store
from ..broker.archive.reading import Archive
from ..broker.archive.store import ArchiveMissing
from ..broker.definition import Definition
from ..broker.definitions import decode
from ..broker.errors import ArchiveDamaged, TrustError
from . import identity
from .config import Settings
from .reading import as_written

_Answer = TypeVar("_Answer")


async def find_archived(
    settings: Settings, selector: str, *, warn: Callable[[str], None]
) -> ArchivedTask | None:
    """Return the archived task that a person means, None if it is none of them.

    Args:
        settings: where the archive is.
        selector: id, unique beginning of one, name or `last`.
        warn: told of parts of the archive that can't be read.

    Raises:
        ArchiveUnavailable: the archive can't be read at all.
        ArchiveDamaged: the part that holds the task is damaged.
        SelectorError: it is the beginning of several ids.
    """
    user = identity.user_name()

    def look(archive: Archive) -> ArchivedTask | None:
        task_id = find(archive, as_written(selector), user=user)
        return None if task_id is None else archive.get(task_id)

    return await _with_archive(settings, warn, look)


async def archived_definition(settings: Settings, address: str) -> Definition | None:
    """Return the definition of an archived task, None if it can't be read."""

    def read(archive: Archive) -> Definition | None:
        try:
            return decode(address, archive.content(address))
        except (ArchiveMissing, ArchiveDamaged, TrustError, ValueError):
            return None  # the rest can be shown

    with closing(archive_of(settings)) as archive:
        return await anyio.to_thread.run_sync(read, archive)


def archive_of(settings: Settings) -> Archive:
    """Return the archive of these settings, which must name one; close it after use."""
    place = hashlib.sha256(settings.archive.encode()).hexdigest()[:16]
    index = settings.home.cache / "archive" / f"{place}-{settings.namespace}.sqlite"
    return Archive(open_store(settings.archive), settings.namespace, Path(index))


async def _with_archive(
    settings: Settings,
    warn: Callable[[str], None],
    step: Callable[[Archive], _Answer | None],
) -> _Answer | None:
    """Return what step finds in the archive as it is now; None where there is no archive."""
    if not settings.archive:
        return None
    with closing(archive_of(settings)) as archive:
        for problem in await anyio.to_thread.run_sync(archive.refresh):
            warn(problem)
        return await anyio.to_thread.run_sync(partial(step, archive))
