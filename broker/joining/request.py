"""What a joiner and the registrar tell each other through the stream of a token. Pure.

An entry has two fields: one of `request`, `answer` and `done` with its content, and `mac`. The key
of the MAC is made from the token's secret, so another login that can reach the stream can neither
join with somebody's token nor answer in the registrar's place.
"""

import hashlib
import hmac
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Final, Literal

import msgspec

from ..errors import TrustError
from ..keypair import SIGNATURE_BYTES
from ..roles import Role
from ..signed_task import brief
from ..trusted_key import MAX_LINE

MAX_BYTES: Final = 4096
"""Of one message."""
NAME_PATTERN: Final = r"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,31}\Z"
MemberName = Annotated[str, msgspec.Meta(pattern=NAME_PATTERN)]
_MAC: Final = b"mac"
_PROOF_DOMAIN: Final = b"rq-agent join proof v1\0"


class Kind(StrEnum):
    """What a message is."""

    REQUEST = "request"
    ANSWER = "answer"
    DONE = "done"
    """The joiner has kept what the answer gave him. Content: id of the request."""


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who wants to join, and as what."""

    v: Literal[1] = 1
    role: Role
    name: MemberName
    """Of the machine or the person; part of the login's name."""
    password_sha256: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
    key: Annotated[str, msgspec.Meta(max_length=MAX_LINE)]
    """Line of the public key that the joiner signs tasks with."""
    proof: Annotated[bytes, msgspec.Meta(max_length=SIGNATURE_BYTES)] = b""
    """Signature by that key of what proven() returns: nobody can bring a key of somebody else."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the registrar says to a request. Unknown fields are of a newer one."""

    request: str
    """Its id."""
    problem: str = ""
    """Why it was refused; empty when it was not."""
    user: str = ""
    namespace: str = ""
    queues: tuple[str, ...] = ()
    serial: int = 0
    """Of the keyring: who joined takes no older one."""
    owner: str = ""
    """Name of whoever signs it."""
    keeper: bytes = b""
    """Raw public key of whoever signs it: a link with another one was altered on its way."""


class Message(msgspec.Struct, frozen=True):
    """One message whose MAC fits."""

    kind: Kind
    content: bytes


_requests: Final = msgspec.json.Decoder(Request)
_answers: Final = msgspec.json.Decoder(Answer)


def request_id(content: bytes) -> str:
    """Return the id of a request: who repeats it says the same, and is answered the same."""
    return hashlib.sha256(content).hexdigest()


def proven(owner: bytes, token_id: str, password_sha256: str) -> bytes:
    """Return what a joiner signs to show that a key is his own.

    Args:
        owner: raw public key of whoever signs the keyring that the key is for.
        token_id, password_sha256: of this request, so that nobody can show it again.
    """
    return _PROOF_DOMAIN + owner + f"{token_id}.{password_sha256}".encode()


def fields_of(kind: Kind, content: bytes, mac_key: bytes) -> dict[str, bytes]:
    """Return the fields of an entry that says something."""
    return {kind.value: content, "mac": _mac(kind, content, mac_key).encode()}


def read(fields: Mapping[bytes, bytes], mac_key: bytes) -> Message | None:
    """Return the message of an entry; None for anything that was not said with this token."""
    told = fields.get(_MAC, b"")
    for kind in Kind:
        content = fields.get(kind.value.encode())
        if content is None or len(fields) != 2 or len(content) > MAX_BYTES:
            continue
        if hmac.compare_digest(told, _mac(kind, content, mac_key).encode()):
            return Message(kind, content)
    return None


def parse_request(content: bytes) -> Request:
    """Return a request.

    Raises:
        TrustError: it is not one.
    """
    try:
        return _requests.decode(content)
    except ValueError as e:
        raise TrustError(f"not a request to join: {brief(e)}") from e


def parse_answer(content: bytes) -> Answer:
    """Return an answer.

    Raises:
        TrustError: it is not one.
    """
    try:
        return _answers.decode(content)
    except ValueError as e:
        raise TrustError(f"not an answer of a registrar: {brief(e)}") from e


def _mac(kind: Kind, content: bytes, mac_key: bytes) -> str:
    return hmac.new(mac_key, kind.value.encode() + b"\0" + content, "sha256").hexdigest()
