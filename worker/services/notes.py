"""What the next session of a worker must know of a light task: it travels with the call and back.

There is no journal of light tasks: their hosts are it. A note says all of a claim but its
envelope, which may hold secrets and is too large to travel twice.
"""

import logging
import re
from typing import Final

import msgspec

from ...broker.claims import Claim, Rare
from ...broker.keys import TaskId
from ...broker.needs import Need
from ...broker.signed_task import Exclusive
from ..held import Held

log = logging.getLogger(__name__)

_FENCE: Final = re.compile(r"0|[1-9][0-9]*")
_RARE: Final = Rare()


class _Note(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """In this order. Other versions read it too: add fields at the end, with defaults.

    worker/host/variables.py tells processes of calls their queue and attempt by it.
    """

    nonce: str
    queue: str
    shape: str
    attempt: int
    definition: str
    lease_ms: int
    name: str
    user: str
    priority: int
    lost: int
    timeout_ms: int
    retry: str
    order: str
    created_ms: int
    isolation: int
    exclusive: Exclusive = "keep"
    need: Need | None = None
    """None: light, and no more."""
    gpus: tuple[str, ...] = ()
    rare: Rare | None = None


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """What a note says."""

    held: Held
    exclusive: Exclusive


_LIGHT: Final = Need(light=True)
_decoder: Final = msgspec.json.Decoder(_Note)
_encoder: Final = msgspec.json.Encoder()


def key_of(claim: Claim) -> str:
    """Return what tells a claim from every other one, as hosts name it."""
    return f"{claim.task_id}.{claim.fence}"


def note_of(held: Held, exclusive: Exclusive) -> str:
    """Return the note of what is held."""
    claim = held.claim
    note = _Note(
        nonce=claim.nonce,
        queue=claim.queue,
        shape=claim.shape,
        attempt=claim.attempt,
        definition=claim.definition,
        lease_ms=claim.lease_ms,
        name=claim.name,
        user=claim.user,
        priority=claim.priority,
        lost=claim.lost,
        timeout_ms=claim.timeout_ms,
        retry=claim.retry,
        order=claim.order,
        created_ms=claim.created_ms,
        isolation=claim.isolation,
        exclusive=exclusive,
        need=None if held.need is _LIGHT or held.need == _LIGHT else held.need,
        gpus=held.gpus,
        rare=None if claim.rare is _RARE or claim.rare == _RARE else claim.rare,
    )
    return _encoder.encode(note).decode()


def read(key: str, note: str) -> Noted | None:
    """Return what a note says of the claim with this key; None: nothing that can be used."""
    task_id, _, fence = key.rpartition(".")
    try:
        said = _decoder.decode(note)
        if not _FENCE.fullmatch(fence):
            raise ValueError("its key is not as a worker makes it")
        claim = Claim(
            task_id=TaskId(task_id),
            fence=int(fence),
            nonce=said.nonce,
            queue=said.queue,
            shape=said.shape,
            attempt=said.attempt,
            definition=said.definition,
            envelope=None,
            lease_ms=said.lease_ms,
            name=said.name,
            user=said.user,
            priority=said.priority,
            lost=said.lost,
            timeout_ms=said.timeout_ms,
            retry=said.retry,
            order=said.order,
            created_ms=said.created_ms,
            rare=said.rare or _RARE,
            isolation=said.isolation,
        )
    except ValueError as e:
        log.warning("task %s: what its host says of its claim can't be read: %s", task_id, e)
        return None
    return Noted(held=Held(claim, said.gpus, said.need or _LIGHT), exclusive=said.exclusive)
