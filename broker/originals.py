"""What a task is copied from, in Redis or in the archive. Nothing of it is verified here."""

from collections.abc import Mapping

import msgspec

from . import keys
from .archive.archived import ArchivedTask
from .archive.reading import Archive
from .archive.restoring import bring_back
from .blobs import Blobs
from .decoding import text
from .definition import MAX_BYTES as LARGEST_DEFINITION
from .definitions import decode
from .envelope import MAX_BYTES
from .errors import TaskError, TaskNotFound, TrustError
from .keys import TaskId
from .namespace import Namespace
from .new_task import DefinitionUpload
from .replies import kept
from .stored import stored_bytes


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One task as it is stored."""

    id: TaskId
    task: Mapping[bytes, bytes]
    """Fields of `t:<id>`."""
    extra: Mapping[bytes, bytes]
    """Fields of `x:<id>`."""
    envelope: bytes
    upload: DefinitionUpload
    """Its definition; the blobs of it are in Redis."""


async def live_source(ns: Namespace, task_id: TaskId) -> Source:
    """Return what a task that is in Redis is copied from.

    Raises:
        TaskNotFound: it is not in Redis; the archive may have it.
        TaskError: what it shares with others is gone.
    """
    p, pipe = ns.prefix, ns.redis.pipeline(transaction=False)
    pipe.hgetall(keys.task(p, task_id))
    pipe.hgetall(keys.extra(p, task_id))
    nothing: dict[bytes, bytes] = {}
    task, extra = (kept(reply, nothing) for reply in await pipe.execute(raise_on_error=False))
    if not task:
        raise TaskNotFound(task_id)
    envelope = await stored_bytes(ns.redis, keys.arguments(p, task_id), most=MAX_BYTES)
    upload = await _upload_of(ns, task_id, text(task.get(b"definition", b"")))
    return Source(id=task_id, task=task, extra=extra, envelope=envelope, upload=upload)


async def archived_source(ns: Namespace, archive: Archive, archived: ArchivedTask) -> Source:
    """Return what a task that left Redis is copied from; its code is brought back.

    Raises:
        ArchiveMissing, ArchiveDamaged, TrustError: the archive lacks its definition or its code.
    """
    copy = archived.copy
    upload = await bring_back(ns, archive, archived.record.definition)
    return Source(
        id=archived.id, task=copy.task, extra=copy.extra, envelope=copy.envelope, upload=upload
    )


async def _upload_of(ns: Namespace, task_id: TaskId, address: str) -> DefinitionUpload:
    """Return the definition of a live task, once its blobs are known to stay for a while."""
    key = keys.definition(ns.prefix, address)
    encoded = await stored_bytes(ns.redis, key, most=LARGEST_DEFINITION)
    try:
        blob = decode(address, encoded).code.blob
    except TrustError as e:
        raise TaskError(task_id, str(e)) from e
    if await Blobs(ns).missing([blob]):
        raise TaskError(task_id, "its code is not in redis any more: submit it again")
    return DefinitionUpload(encoded=encoded, blobs=(blob,))
