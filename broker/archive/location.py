"""Which store an archive's location names. Pure but for opening it."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from ..errors import UsageError
from .folder import FolderStore
from .store import ArchiveStore

_URL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.\-]*://")


def open_store(location: str) -> ArchiveStore:
    """Return the store of a folder's path, `file:///folder`, or an object store's URL.

    Raises:
        UsageError: the location names no store.
    """
    if not location:
        raise UsageError("the archive's location is empty: give a folder or a URL like s3://bucket")
    if not _URL.match(location):
        return FolderStore(Path(location).expanduser().absolute())
    parts = urlsplit(location)
    if parts.password or parts.username:
        raise UsageError(
            "the archive's URL holds a user or password: give access keys in the environment"
        )
    if parts.scheme != "file":
        from .objects import open_url  # an extra: only where it is asked for

        return open_url(location)
    if parts.netloc or not parts.path.startswith("/"):
        raise UsageError(f"archive {location}: write file:///absolute/path")
    return FolderStore(Path(unquote(parts.path)))
