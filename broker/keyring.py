"""The keyring of a namespace: whose tasks its machines run, signed by who owns the server. Pure.

JSON: `{"v": 1, "keeper": <id>, "signature": <base64>, "body": {"serial": 7, "keys": [...]}}`. The
signature covers a domain, the namespace and the bytes of the body as they stand, so a keyring
counts in one namespace only, and not a byte of the body is interpreted before it is verified.
"""

from collections.abc import Sequence
from typing import Annotated, Final, Literal

import msgspec

from .errors import TrustError, UsageError
from .keypair import SIGNATURE_BYTES, KeyPair, check_signature, key_id_of
from .signed_task import brief
from .trusted_key import KeyId, TrustedKey

MAX_BYTES: Final = 1024 * 1024
MAX_KEYS: Final = 2048
MAX_REVOKED: Final = 1024
_DOMAIN: Final = b"rq-agent keyring v1\x00"


class Revoked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that was taken out, so that a refusal can say so."""

    id: KeyId
    name: Annotated[str, msgspec.Meta(max_length=255)]


class Keyring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What its keeper signed."""

    serial: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
    """Counts up with every change: who saw one does not go back to an older one."""
    keys: Annotated[tuple[TrustedKey, ...], msgspec.Meta(max_length=MAX_KEYS)]
    revoked: Annotated[tuple[Revoked, ...], msgspec.Meta(max_length=MAX_REVOKED)] = ()

    def find(self, key_id: str) -> TrustedKey | None:
        """Return a key, or None if it is not among them."""
        return next((key for key in self.keys if key.id == key_id), None)

    def find_revoked(self, key_id: str) -> Revoked | None:
        """Return a key that was taken out, or None."""
        return next((key for key in self.revoked if key.id == key_id), None)


class _Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    v: Literal[1] = 1
    keeper: KeyId
    signature: Annotated[
        bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)
    ]
    body: msgspec.Raw


_decoder: Final = msgspec.json.Decoder(_Signed)
_body_decoder: Final = msgspec.json.Decoder(Keyring)


def seal(keyring: Keyring, pair: KeyPair, namespace: str) -> bytes:
    """Return a keyring signed for a namespace.

    Raises:
        UsageError: it is larger than anybody would accept.
    """
    body = msgspec.json.encode(keyring)
    signature = pair.sign(_message(namespace, body))
    signed = _Signed(keeper=pair.key_id, signature=signature, body=msgspec.Raw(body))
    content = msgspec.json.encode(signed)
    if len(content) > MAX_BYTES or len(keyring.keys) > MAX_KEYS:
        raise UsageError(
            f"the keyring of {namespace} is full: {len(keyring.keys)} keys, {len(content)} bytes; "
            "remove some: rq-agent key rm ID"
        )
    return content


def open_sealed(content: bytes, *, keeper: str, public: bytes, namespace: str) -> Keyring:
    """Return a keyring that a keeper signed for a namespace.

    Args:
        content: from anybody.
        keeper, public: id and raw public key of whom this machine trusts with it.
        namespace: that it must be for.

    Raises:
        TrustError: forged, altered, of another keeper or namespace, oversized or malformed.
    """
    if keeper_of(content) != keeper:
        raise TrustError(f"it is not signed by its keeper {keeper}")
    signed = _decoded(content)
    try:
        check_signature(public, _message(namespace, bytes(signed.body)), signed.signature)
    except TrustError:
        raise TrustError(
            "its signature does not match: it was altered, or is of another namespace"
        ) from None
    return _checked(bytes(signed.body))


def keeper_of(content: bytes) -> str:
    """Return the id of the key that a keyring says it is signed by. Nothing is verified.

    Raises:
        TrustError: it is not a keyring.
    """
    return _decoded(content).keeper


def with_key(keyring: Keyring | None, key: TrustedKey) -> Keyring:
    """Return the next keyring, with a key: a new one, or with other queues. It is not revoked."""
    old = keyring or Keyring(serial=1, keys=())
    kept = tuple(each for each in old.keys if each.id != key.id)
    revoked = tuple(each for each in old.revoked if each.id != key.id)
    return Keyring(serial=_next(keyring), keys=(*kept, key), revoked=revoked)


def without_key(keyring: Keyring, key: TrustedKey) -> Keyring:
    """Return the next keyring, without a key; who asks for it is told that it was taken out."""
    kept = tuple(each for each in keyring.keys if each.id != key.id)
    others = tuple(each for each in keyring.revoked if each.id != key.id)
    gone = (*others, Revoked(id=key.id, name=key.name))[-MAX_REVOKED:]
    return Keyring(serial=_next(keyring), keys=kept, revoked=gone)


def _next(keyring: Keyring | None) -> int:
    return keyring.serial + 1 if keyring else 1


def _message(namespace: str, body: bytes) -> bytes:
    name = namespace.encode()
    return _DOMAIN + len(name).to_bytes(2) + name + body


def _decoded(content: bytes) -> _Signed:
    if len(content) > MAX_BYTES:
        raise TrustError(f"{len(content)} bytes, larger than {MAX_BYTES}")
    try:
        return _decoder.decode(content)
    except ValueError as e:
        raise TrustError(f"not a keyring: {brief(e)}") from e


def _checked(body: bytes) -> Keyring:
    try:
        keyring = _body_decoder.decode(body)
    except ValueError as e:
        raise TrustError(f"not a keyring: {brief(e)}") from e
    check_ids(keyring.keys)
    return keyring


def check_ids(keys: Sequence[TrustedKey]) -> None:
    """Raise TrustError unless each key has the id that belongs to it, and comes once."""
    for key in keys:
        if key.id != key_id_of(key.public):
            raise TrustError(f"id {key.id} does not belong to its public key")
    if len({key.id for key in keys}) < len(keys):
        raise TrustError("names a key twice; remove one of the two")
