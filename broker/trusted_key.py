"""A public key and what its owner may do. Pure."""

import base64
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Annotated, Final

import msgspec

from .errors import UsageError
from .keypair import PUBLIC_BYTES, key_id_of

KeyId = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
PublicKey = Annotated[bytes, msgspec.Meta(min_length=PUBLIC_BYTES, max_length=PUBLIC_BYTES)]
EVERY_QUEUE: Final = ("*",)
MAX_LINE: Final = 400
MAX_PATTERNS: Final = 64
_PATTERN: Final = re.compile(r"[A-Za-z0-9_.*?\[\]!-]{1,64}")
_LINE: Final = re.compile(r"rqa-ed25519 ([A-Za-z0-9+/]{43}=)(?: (\S.*))?")


class TrustedKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One key and what its owner may do here."""

    id: KeyId
    public: PublicKey
    name: Annotated[str, msgspec.Meta(max_length=255)]
    queues: tuple[str, ...]
    """Names or patterns (`gpu-*`) of the queues it may submit to."""

    def allows(self, queue: str) -> bool:
        """Return whether tasks of this key may come from a queue."""
        return self.queues == EVERY_QUEUE or any(
            fnmatchcase(queue, pattern) for pattern in self.queues
        )


def trusted_key(public: bytes, name: str, queues: Sequence[str]) -> TrustedKey:
    """Return a key that may submit to some queues.

    Raises:
        UsageError: not the 32 bytes of a key, or a name of more than 255 characters.
    """
    key = {"id": key_id_of(public), "public": public, "name": name, "queues": tuple(queues)}
    try:
        return msgspec.convert(key, TrustedKey)
    except msgspec.ValidationError as e:
        raise UsageError(f"key of {name[:64]!r} can't be trusted: {e}") from e


def check_patterns(queues: Sequence[str]) -> tuple[str, ...]:
    """Return names or patterns of queues.

    Raises:
        UsageError: one of them fits no queue, or there are too many.
    """
    if not 1 <= len(queues) <= MAX_PATTERNS:
        raise UsageError(f"name 1 to {MAX_PATTERNS} queues or patterns, not {len(queues)}")
    for each in queues:
        if not _PATTERN.fullmatch(each):
            raise UsageError(
                f"queue {each[:64]!r}: write the name of a queue, or a pattern like gpu-*"
            )
    return tuple(queues)


def parse_line(line: str) -> tuple[bytes, str]:
    """Return raw public key and name of a line as KeyPair.public_line writes it.

    Raises:
        UsageError: it is no such line.
    """
    found = _LINE.fullmatch(" ".join(line.split())) if len(line) <= MAX_LINE else None
    if found is None:
        raise UsageError(
            "not the line of a public key: it begins with rqa-ed25519; see `rq-agent key show`"
        )
    name = found[2] or ""
    if not name.isprintable():
        raise UsageError("the name in the line of the public key has control characters")
    return base64.b64decode(found[1], validate=True), name
