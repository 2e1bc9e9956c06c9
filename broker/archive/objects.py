"""An archive in an object store (S3, GCS, Azure ...) by obstore: the extra `store`."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..errors import ArchiveUnavailable, UsageError
from .store import ArchiveMissing, checked

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_SHOWN: Final = 300


class ObjectsStore:
    """See store.py. An object appears whole or not at all, by its store's own promise."""

    def __init__(self, objects: "ObjectStore", where: str) -> None:
        self._objects = objects
        self.where = where

    def put(self, path: str, content: bytes) -> None:
        """Write an object."""
        import obstore

        with self._explained(path):
            obstore.put(self._objects, checked(path), content)

    def read(self, path: str, *, start: int = 0, length: int | None = None) -> bytes:
        """Return a part of an object."""
        import obstore

        size = self.size(path)
        if size is None:
            raise ArchiveMissing(self.where, path)
        end = size if length is None else min(size, start + length)
        if start >= end:  # the library refuses to read nothing
            return b""
        with self._explained(path):
            return bytes(obstore.get_range(self._objects, checked(path), start=start, end=end))

    def size(self, path: str) -> int | None:
        """Return the bytes of an object."""
        import obstore

        try:
            with self._explained(path):
                return int(obstore.head(self._objects, checked(path))["size"])
        except ArchiveMissing:
            return None

    def list(self, folder: str) -> Iterator[str]:
        """Yield the paths of all objects below a folder."""
        import obstore

        with self._explained(folder):
            for page in obstore.list(self._objects, prefix=checked(folder), chunk_size=1000):
                yield from (str(found["path"]) for found in page)

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        """Say what an error of the library means to the archive."""
        from obstore.exceptions import BaseError, NotFoundError

        try:
            yield
        except (NotFoundError, FileNotFoundError) as e:
            raise ArchiveMissing(self.where, path) from e
        except (BaseError, OSError) as e:
            raise ArchiveUnavailable(f"archive {self.where}: {str(e)[:_SHOWN]}") from e


def open_url(url: str) -> ObjectsStore:
    """Return the store of a URL; its access keys come from the environment, as obstore reads them.

    Raises:
        UsageError: obstore is not installed, or does not know the URL.
    """
    try:
        from obstore.exceptions import BaseError
        from obstore.store import from_url
    except ModuleNotFoundError as e:
        raise UsageError(
            f"archive {url}: an object store needs obstore: pip install 'rq-agent[store]'"
        ) from e
    try:
        return ObjectsStore(from_url(url), url)
    except (BaseError, ValueError) as e:
        raise UsageError(f"archive {url}: {str(e).splitlines()[0][:_SHOWN]}") from e
