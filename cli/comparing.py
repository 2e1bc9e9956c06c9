"""Compares two tasks for `diff`: what they are made of, what they did, and their files."""

import difflib
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import anyio.to_thread
import msgspec

from ..broker.archive.store import ArchiveMissing
from ..broker.blobs import Blobs
from ..broker.comparison import Part, compare
from ..broker.errors import ArchiveError, SnapshotError, TrustError, UsageError
from ..broker.snapshot.contents import Changed, Contents, changed
from ..broker.task_details import TaskDetails
from . import loop
from .config import Settings
from .connected import connected
from .details import details_of
from .reading import url_of_tasks
from .render.diff_text import print_comparison
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.definition import Code
    from ..broker.namespace import Namespace

_LARGEST: Final = 64 * 1024 * 1024
"""Larger snapshots are not looked into."""
_MOST_FILES: Final = 100
_LARGEST_FILE: Final = 512 * 1024


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two tasks, and what is different between them."""

    a: TaskDetails
    b: TaskDetails
    parts: list[Part]
    files: Changed | None
    """None: they have the same code, or it can't be looked into; see trouble."""
    trouble: str = ""
    """Why files could not be compared."""
    patch: list[str] = []
    """A unified diff of the code, by line."""

    @property
    def is_equal(self) -> bool:
        """Return whether nothing differs."""
        return all(row.is_equal for part in self.parts for row in part.rows)


def compare_tasks(
    settings: Settings,
    screen: Screen,
    first: str,
    second: str,
    *,
    everything: bool,
    wants_patch: bool,
) -> None:
    """Print what is different between two tasks.

    Raises:
        SelectorError: one of them is no task.
        UsageError: both are the same one.
    """
    url = url_of_tasks(settings)

    async def go() -> Comparison:
        async with connected(url, settings.namespace) as namespace:
            a = await details_of(namespace, settings, screen, first)
            b = await details_of(namespace, settings, screen, second)
            if a.record.id == b.record.id:
                raise UsageError(f"{first} and {second} are both task {a.record.id}: name two")
            parts = compare(a, b, everything=everything)
            found = Comparison(a=a, b=b, parts=parts, files=None)
            return await _with_files(namespace, settings, found, wants_patch=wants_patch)

    found = loop.run(go)
    if screen.json:
        screen.print_json(_json(found))
    else:
        print_comparison(screen, found)


async def _with_files(
    ns: "Namespace", settings: Settings, found: Comparison, *, wants_patch: bool
) -> Comparison:
    """Return a comparison with the files that differ."""
    codes = [each.definition.code for each in (found.a, found.b) if each.definition]
    if len(codes) < 2 or codes[0].blob == codes[1].blob:
        return found
    cache = settings.home.cache / "snapshots"
    try:
        blobs = [await _blob(ns, settings, code) for code in codes]

        def look() -> tuple[Changed, list[str]]:
            a, b = (Contents(c, blob, cache=cache) for c, blob in zip(codes, blobs, strict=True))
            differing = changed(a, b)
            return differing, list(_patch(a, b, differing)) if wants_patch else []

        files, patch = await anyio.to_thread.run_sync(look)
    except (SnapshotError, TrustError, ArchiveError) as e:
        return msgspec.structs.replace(found, trouble=str(e))
    return msgspec.structs.replace(found, files=files, patch=patch)


async def _blob(ns: "Namespace", settings: Settings, code: "Code") -> bytes:
    """Return the code of a task, from Redis or else from the archive."""
    if code.size_bytes > _LARGEST:
        raise SnapshotError(f"snapshot {code.blob[:12]} is too large to look into")
    content = await Blobs(ns).get(code.blob, size_bytes=code.size_bytes)
    if content is not None:
        return content
    if not settings.archive:
        raise SnapshotError(f"snapshot {code.blob[:12]} is not in redis any more")
    from .archived import archive_of

    with closing(archive_of(settings)) as archive:
        try:
            return await anyio.to_thread.run_sync(archive.content, code.blob)
        except ArchiveMissing as e:
            raise SnapshotError(f"snapshot {code.blob[:12]} is neither in redis nor: {e}") from e


def _patch(a: Contents, b: Contents, differing: Changed) -> Iterator[str]:
    """Return the lines of a unified diff of the files that are text."""
    paths = sorted((*differing.added, *differing.removed, *differing.changed))
    for path in paths[:_MOST_FILES]:
        texts = [_text(each.read(path)) if path in each.files else "" for each in (a, b)]
        if texts[0] is None or texts[1] is None:
            yield f"{path}: no text, or large"
            continue
        before, after = (text.splitlines() for text in texts if text is not None)
        yield from difflib.unified_diff(before, after, f"a/{path}", f"b/{path}", lineterm="")
    if len(paths) > _MOST_FILES:
        yield f"{len(paths) - _MOST_FILES} more files"


def _text(content: bytes) -> str | None:
    if len(content) > _LARGEST_FILE or b"\0" in content:
        return None
    return content.decode("utf-8", "replace")


def _json(found: Comparison) -> dict[str, Any]:
    def side(details: TaskDetails) -> dict[str, Any]:
        record = details.record
        return {"id": record.id, "name": record.name, "archived": details.is_archived}

    return {
        "schema": 1,
        "a": side(found.a),
        "b": side(found.b),
        "equal": found.is_equal,
        "parts": [
            {"title": part.title, "rows": msgspec.to_builtins(part.rows)} for part in found.parts
        ],
        "files": msgspec.to_builtins(found.files),
        "trouble": found.trouble,
        "patch": found.patch,
    }
