"""The size guard: how large a snapshot may be, and what to say when it is larger."""

import heapq
from collections.abc import Sequence
from typing import Final

from ..errors import SnapshotError
from .files import File, printable

PACK_LIMIT_BYTES: Final = 32 * 1024 * 1024
RAW_FACTOR: Final = 16
"""Files may be this many times the limit of the pack before anything is read: text packs well."""
MAX_FILES: Final = 100_000
"""Files of one snapshot, on both sides."""
UNPACKED_LIMIT_BYTES: Final = 2 * 1024 * 1024 * 1024
"""What a worker writes to its disk for one snapshot."""
_LISTED: Final = 10


def check_files(files: Sequence[File], *, limit_bytes: int) -> None:
    """Raise SnapshotError before anything is read if the files can't fit a pack."""
    if len(files) > MAX_FILES:
        raise SnapshotError(
            f"the snapshot has {len(files)} files, more than {MAX_FILES}; most lie in "
            f"{_fullest(files)}; keep folders out with .gitignore or .rqagentignore"
        )
    raw = sum(file.size_bytes for file in files)
    raw_limit = min(limit_bytes * RAW_FACTOR, UNPACKED_LIMIT_BYTES)
    if raw > raw_limit:
        raise too_large(f"its files hold {human(raw)}", files, limit_bytes=limit_bytes)


def too_large(found: str, files: Sequence[File], *, limit_bytes: int) -> SnapshotError:
    """Return the error that lists the largest files and says what to do."""
    largest = heapq.nlargest(_LISTED, files, key=lambda file: file.size_bytes)
    table = "".join(f"\n  {human(f.size_bytes):>10}  {printable(f.path)}" for f in largest)
    return SnapshotError(
        f"the snapshot is too large: {found}, the limit of the pack is {human(limit_bytes)}. "
        f"The largest files:{table}\n"
        "Keep data out with .gitignore or .rqagentignore, or raise --snapshot-limit."
    )


def human(size_bytes: int) -> str:
    """Return a size for people, e.g. `1.5 MiB`."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _fullest(files: Sequence[File]) -> str:
    counts: dict[str, int] = {}
    for file in files:
        folder = file.path.rpartition("/")[0] or "."
        counts[folder] = counts.get(folder, 0) + 1
    most = heapq.nlargest(3, counts, key=lambda folder: counts[folder])
    return ", ".join(f"{printable(folder)} ({counts[folder]})" for folder in most)
