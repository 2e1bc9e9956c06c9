"""Whose tasks a worker runs: a file on the worker's machine, never learned from Redis.

The file may name keepers: keys whose owners say for one namespace whom to trust too, by a keyring
that they sign. Where a key stands in the file itself, the file's queues count.
"""

import os
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from .errors import TrustError, UsageError
from .kept_keyrings import KeptKeyrings, Stamp, stamp, stamp_of
from .keypair import key_id_of, make_private_folder
from .keyring import Keyring, check_ids
from .keys import NAME_PATTERN
from .trusted_key import KeyId, PublicKey, TrustedKey, trusted_key

__all__ = ["Keeper", "TrustFile", "TrustFileError", "TrustedKey", "UnknownKeyError"]

_WRITABLE_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH


class TrustFileError(TrustError):
    """The trust file itself is not usable: no task is to blame, none should be ended for it."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"trust file {path}: {problem}")
        self.path = path


class UnknownKeyError(TrustError):
    """This machine does not trust a key; a newer keyring may."""


class Keeper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whoever owns this key says in one namespace whom to trust too."""

    id: KeyId
    public: PublicKey
    name: Annotated[str, msgspec.Meta(max_length=255)]
    namespace: Annotated[str, msgspec.Meta(max_length=63)]
    serial: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Of the keyring when this machine joined: no older one counts."""


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: Literal[1] = 1
    keys: tuple[TrustedKey, ...] = ()
    keepers: tuple[Keeper, ...] = ()

    def find(self, key_id: str) -> TrustedKey | None:
        return next((key for key in self.keys if key.id == key_id), None)


class TrustFile:
    """The keys of one trust file; follows changes of the file. A missing file trusts nobody.

    Every method raises TrustFileError when the file can't be read or written, is malformed, or
    can be changed by others than its owner.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = KeptKeyrings(path.parent)
        self._loaded: tuple[Stamp, _Content] = (None, _Content())

    def find(self, key_id: str, *, namespace: str = "") -> TrustedKey | None:
        """Return a key, or None if it is not trusted.

        Args:
            key_id: of the key.
            namespace: whose keyrings count too; empty: only the file itself.
        """
        if (key := self._content().find(key_id)) is not None or not namespace:
            return key
        found = (ring.find(key_id) for _, ring in self.keyrings(namespace))
        return next((key for key in found if key is not None), None)

    def require(self, key_id: str, *, namespace: str, of: str = "worker") -> TrustedKey:
        """Return a key.

        Raises:
            UnknownKeyError: it is not trusted; says what to do. `of` is who asks.
        """
        if (key := self.find(key_id, namespace=namespace)) is not None:
            return key
        for keeper, ring in self.keyrings(namespace):
            if (gone := ring.find_revoked(key_id)) is not None:
                raise UnknownKeyError(
                    f"key {key_id} of {gone.name!r} was removed from the keyring of "
                    f"{keeper.name!r}: nothing that it signed is run any more"
                )
        raise UnknownKeyError(
            f"key {key_id} is not in this {of}'s trust file {self.path}; "
            "add it there if you trust its owner: rq-agent key add"
        )

    def trusts(self, key_id: str, queue: str) -> bool:
        """Return whether a key may submit to a queue."""
        key = self.find(key_id)
        return key is not None and key.allows(queue)

    def keys(self) -> tuple[TrustedKey, ...]:
        """Return the keys of the file itself, in its order."""
        return self._content().keys

    def keepers(self, namespace: str) -> list[Keeper]:
        """Return whose keyrings count in a namespace."""
        return [each for each in self._content().keepers if each.namespace == namespace]

    def keyrings(self, namespace: str) -> Iterator[tuple[Keeper, Keyring]]:
        """Return the kept keyrings of a namespace that are not older than they may be."""
        for keeper in self.keepers(namespace):
            try:
                ring = self.kept.find(keeper.id, keeper.public, namespace)
            except OSError as e:
                path = self.kept.path(keeper.id, namespace)
                raise TrustFileError(path, e.strerror or str(e)) from e
            if ring is not None and ring.serial >= keeper.serial:
                yield keeper, ring

    def add(self, public: bytes, name: str, queues: Sequence[str]) -> bool:
        """Trust a raw public key; return False, and change nothing, if it is known already.

        A known key keeps its queues: who narrowed them must not see them widened again.

        Raises:
            UsageError: not the 32 bytes of a key, or a name of more than 255 characters.
        """
        key = trusted_key(public, name, queues)
        with self._changing() as content:
            if content.find(key.id) is not None:
                return False
            self._write(msgspec.structs.replace(content, keys=(*content.keys, key)))
        return True

    def remove(self, key_id: str) -> TrustedKey | None:
        """Trust a key of the file no more; return it, None if it does not stand there."""
        with self._changing() as content:
            if (key := content.find(key_id)) is not None:
                kept = tuple(each for each in content.keys if each.id != key_id)
                self._write(msgspec.structs.replace(content, keys=kept))
        return key

    def add_keeper(self, public: bytes, name: str, namespace: str, *, serial: int = 0) -> bool:
        """Let a key's owner say whom to trust in a namespace; return False if he does already.

        Raises:
            UsageError: not the 32 bytes of a key, or no name of a namespace.
        """
        if not NAME_PATTERN.fullmatch(namespace):
            raise UsageError(f"namespace {namespace[:64]!r}: no name of a namespace")
        trusted_key(public, name, ())
        keeper = Keeper(
            id=key_id_of(public), public=public, name=name, namespace=namespace, serial=serial
        )
        with self._changing() as content:
            same = [e for e in content.keepers if (e.id, e.namespace) == (keeper.id, namespace)]
            if same and same[0].serial >= serial:
                return False
            others = (each for each in content.keepers if each not in same)
            self._write(msgspec.structs.replace(content, keepers=(*others, keeper)))
        return not same

    def remove_keeper(self, keeper_id: str) -> bool:
        """Ask a keeper no more, in any namespace; return whether he was asked."""
        with self._changing() as content:
            others = tuple(each for each in content.keepers if each.id != keeper_id)
            if len(others) == len(content.keepers):
                return False
            self._write(msgspec.structs.replace(content, keepers=others))
        return True

    @contextmanager
    def _changing(self) -> Iterator[_Content]:
        import fcntl

        try:
            make_private_folder(self.path.parent)
            with self.path.with_name(self.path.name + ".lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield self._content()
        except OSError as e:
            raise TrustFileError(self.path, e.strerror or str(e)) from e

    def _content(self) -> _Content:
        try:
            if self._loaded[0] != stamp(self.path):
                self._loaded = _read(self.path)
        except OSError as e:
            raise TrustFileError(self.path, e.strerror or str(e)) from e
        return self._loaded[1]

    def _write(self, content: _Content) -> None:
        _write(self.path, content)


def _read(path: Path) -> tuple[Stamp, _Content]:
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None, _Content()
    with file:
        found = os.fstat(file.fileno())
        mode = stat.S_IMODE(found.st_mode)
        if os.name == "posix" and mode & _WRITABLE_BY_OTHERS:
            problem = f"mode {mode:04o} lets others decide whose code runs here"
            raise TrustFileError(path, f"{problem}; run: chmod 600 {path}")
        return stamp_of(found), _parse(path, file.read())


def _parse(path: Path, content: bytes) -> _Content:
    try:
        parsed = msgspec.json.decode(content, type=_Content)
    except ValueError as e:  # MsgspecError and UnicodeDecodeError
        raise TrustFileError(path, f"{_line_of(e, content)}{e}; correct it by hand") from e
    try:
        check_ids(parsed.keys)
        for keeper in parsed.keepers:
            check_ids([TrustedKey(id=keeper.id, public=keeper.public, name="", queues=())])
    except TrustError as e:
        raise TrustFileError(path, str(e)) from e
    return parsed


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
