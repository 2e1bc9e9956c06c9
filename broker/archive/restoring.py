"""Brings a definition and its blobs back into Redis, for a clone or rerun of an archived task."""

import anyio.to_thread

from ..blobs import Blobs
from ..definition import Definition
from ..definitions import decode
from ..namespace import Namespace
from ..tasks import DefinitionUpload
from .reading import Archive


async def bring_back(ns: Namespace, archive: Archive, address: str) -> DefinitionUpload:
    """Upload what the definition of an archived task needs; return what to enqueue with.

    Args:
        ns: where the new task goes.
        archive: where the old one is.
        address: digest of the definition.

    Raises:
        ArchiveMissing: the archive does not have the definition or its code.
        ArchiveDamaged, TrustError: what it has was altered.
    """
    encoded = await anyio.to_thread.run_sync(archive.content, address)
    definition: Definition = decode(address, encoded)
    blob = definition.code.blob
    blobs = Blobs(ns)
    for digest in await blobs.missing([blob]):
        await blobs.put(digest, await anyio.to_thread.run_sync(archive.content, digest))
    return DefinitionUpload(encoded=encoded, blobs=(blob,))
