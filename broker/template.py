"""What the tasks of a schedule are made of, signed by whoever added the schedule.

A template is a SignedTask under a domain of its own, with the schedule's name in the place of a
task's id: no worker runs it as a task, and no task can be passed off as one. A scheduler verifies
it against the trust file of its own machine and signs every task that it makes of it anew.
"""

import time
from datetime import UTC, datetime
from typing import Annotated, Final

import msgspec

from .envelope import MAX_BYTES
from .errors import TrustError, UsageError
from .keypair import SIGNATURE_BYTES, KeyPair, check_signature
from .signed_task import Place, SignedTask, brief, decode, encode, encode_place
from .trust import TrustFile

VALID_S: Final = 10 * 365 * 86_400
"""A schedule that nobody looks after ends some day."""

_MAGIC: Final = b"RQT1"
_DOMAIN: Final = b"rq-agent schedules v1\x00"


class _Sealed(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True
):
    key_id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    signature: Annotated[
        bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)
    ]
    """Over domain, place and body."""
    body: bytes
    """msgpack of a SignedTask but for its place."""


_decoder: Final = msgspec.msgpack.Decoder(_Sealed)


def template_id(schedule: str) -> str:
    """Return what stands in the place of a task's id; no id of a task begins so."""
    return f"@{schedule}"


def sign_template(task: SignedTask, pair: KeyPair) -> bytes:
    """Return a template; the id of the task is one of `template_id`.

    Raises:
        UsageError: no worker would accept a task of it.
    """
    place, body = encode(task)
    signature = pair.sign(_DOMAIN + place + body)
    content = _MAGIC + msgspec.msgpack.encode(
        _Sealed(key_id=pair.key_id, signature=signature, body=body)
    )
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"schedule {task.task_id[1:]}: arguments, parameters and variables make"
            f" {len(content)} bytes, larger than {MAX_BYTES}; put large values into a file"
        )
    return content


def open_template(
    content: bytes, trust: TrustFile, *, namespace: str, schedule: str, definition: str, queue: str
) -> SignedTask:
    """Return what was signed, if a trusted key signed it for exactly this schedule.

    Args:
        content: what Redis holds, from anybody.
        trust: of this machine.
        namespace, schedule, definition, queue: what Redis says about the schedule.

    Raises:
        TrustError: forged, altered, moved, expired, oversized or malformed, or its signer may
            not submit to the queue.
        TrustFileError: the trust file is not usable; the template may be fine.
    """
    sealed = _unsealed(content)
    key = trust.require(sealed.key_id, namespace=namespace, of="scheduler")
    place = Place(namespace, template_id(schedule), definition)
    message = _DOMAIN + encode_place(place) + sealed.body
    check_signature(key.public, message, sealed.signature)
    task = decode(place, sealed.body)  # not a byte of it was interpreted before this line
    if time.time() > task.not_after:
        expiry = datetime.fromtimestamp(task.not_after, UTC).isoformat(sep=" ")
        raise TrustError(f"signature expired at {expiry}: add the schedule again")
    if not key.allows(queue):
        raise TrustError(
            f"key {key.id} of {key.name!r} may not submit to queue {queue}; "
            f"its queues are in {trust.path}"
        )
    return task


def _unsealed(content: bytes) -> _Sealed:
    if len(content) > MAX_BYTES:
        raise TrustError(f"its template has {len(content)} bytes, larger than {MAX_BYTES}")
    if not content.startswith(_MAGIC):
        raise TrustError("its template is not signed, or missing: add the schedule again")
    try:
        return _decoder.decode(memoryview(content)[len(_MAGIC) :])
    except ValueError as e:
        raise TrustError(f"its template is not signed: {brief(e)}") from e
