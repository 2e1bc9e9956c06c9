"""Whose tasks a worker runs: a file on the worker's machine, never learned from Redis."""

import os
import re
import stat
import tempfile
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from .errors import TrustError, UsageError
from .keypair import PUBLIC_BYTES, key_id_of, make_private_folder

_Stamp = tuple[int, int, int] | None
"""Modification time (ns), size and inode of the file; None while there is no file."""

_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class TrustFileError(TrustError):
    """The trust file itself is not usable: no task is to blame, none should be ended for it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"trust file {path}: {problem}")
        self.path = path


class TrustedKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key and what its owner may do here."""

    id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    public: Annotated[bytes, msgspec.Meta(min_length=PUBLIC_BYTES, max_length=PUBLIC_BYTES)]
    name: Annotated[str, msgspec.Meta(max_length=255)]
    queues: tuple[str, ...]
    """Names or patterns (`gpu-*`) of the queues it may submit to."""

    def allows(self, queue: str) -> bool:
        """Return whether tasks of this key may come from a queue."""
        return any(fnmatchcase(queue, pattern) for pattern in self.queues)


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: Literal[1] = 1
    keys: tuple[TrustedKey, ...] = ()


class TrustFile:
    """The keys of one trust file; follows changes of the file. A missing file trusts nobody.

    Every method raises TrustFileError when the file can't be read or written, is malformed, or
    can be changed by others than its owner.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._loaded: tuple[_Stamp, Mapping[str, TrustedKey]] = (None, {})

    def find(self, key_id: str) -> TrustedKey | None:
        """Return a key, or None if it is not trusted."""
        return self._keys().get(key_id)

    def trusts(self, key_id: str, queue: str) -> bool:
        """Return whether a key may submit to a queue."""
        key = self.find(key_id)
        return key is not None and key.allows(queue)

    def add(self, public: bytes, name: str, queues: Sequence[str]) -> bool:
        """Trust a raw public key; return False, and change nothing, if it is known already.

        A known key keeps its queues: who narrowed them must not see them widened again.

        Raises:
            UsageError: not the 32 bytes of a key, or a name of more than 255 characters.
        """
        import fcntl

        key = _checked(public, name, queues)
        try:
            make_private_folder(self.path.parent)
            with self.path.with_name(self.path.name + ".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                keys = self._keys()
                if key.id in keys:
                    return False
                _write(self.path, _Content(keys=(*keys.values(), key)))
        except OSError as e:
            raise TrustFileError(self.path, e.strerror or str(e)) from e
        return True

    def _keys(self) -> Mapping[str, TrustedKey]:
        try:
            if self._loaded[0] != _stamp(self.path):
                self._loaded = _read(self.path)
        except OSError as e:
            raise TrustFileError(self.path, e.strerror or str(e)) from e
        return self._loaded[1]


def _checked(public: bytes, name: str, queues: Sequence[str]) -> TrustedKey:
    key = {"id": key_id_of(public), "public": public, "name": name, "queues": tuple(queues)}
    try:
        return msgspec.convert(key, TrustedKey)
    except msgspec.ValidationError as e:
        raise UsageError(f"key of {name[:64]!r} can't be trusted: {e}") from e


def _stamp(path: Path) -> _Stamp:
    try:
        return _stamp_of(path.stat())
    except FileNotFoundError:
        return None


def _stamp_of(found: os.stat_result) -> _Stamp:
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read(path: Path) -> tuple[_Stamp, Mapping[str, TrustedKey]]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None, {}
    with file:
        found = os.fstat(file.fileno())
        mode = stat.S_IMODE(found.st_mode)
        if os.name == "posix" and mode & _WRITABLE_BY_OTHERS:
            problem = f"mode {mode:04o} lets others decide whose code runs here"
            raise TrustFileError(path, f"{problem}; run: chmod 600 {path}")
        return _stamp_of(found), _parse(path, file.read())


def _parse(path: Path, content: bytes) -> Mapping[str, TrustedKey]:
    try:
        keys = msgspec.json.decode(content, type=_Content).keys
    except ValueError as e:  # MsgspecError and UnicodeDecodeError
        raise TrustFileError(path, f"{_line_of(e, content)}{e}; correct it by hand") from e
    for key in keys:
        if key.id != key_id_of(key.public):
            raise TrustFileError(path, f"id {key.id} does not belong to its public key")
    by_id = {key.id: key for key in keys}
    if len(by_id) < len(keys):
        raise TrustFileError(path, "names a key twice; remove one of the two")
    return by_id


def _line_of(error: ValueError, content: bytes) -> str:
    """Return `line 3: ` where msgspec names a byte, else nothing."""
    named = re.search(r"\(byte (\d+)\)", str(error))
    if named is None:
        return ""
    line = 1 + content.count(b"\n", 0, int(named[1]))
    return f"line {line}: "


def _write(path: Path, content: _Content) -> None:
    target = path.resolve()  # a link stays a link
    text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".trust-")  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
