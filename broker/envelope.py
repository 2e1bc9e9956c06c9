"""Envelopes: tasks signed by their submitter, and verified before a worker looks inside.

Bytes: the magic ``RQA1``, then a msgpack array (see _Envelope). Up to 64 tasks are a Merkle tree
whose root is signed once, so they cost a worker one Ed25519 verification and some hashing.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Final

import msgspec

from . import merkle
from .errors import TrustError, UsageError
from .keypair import SIGNATURE_BYTES, KeyPair, check_signature
from .keys import TaskId
from .needs import shape_id
from .signed_task import Place, SignedTask, brief, decode, encode, encode_place, not_after_of
from .trust import TrustedKey, TrustFile

__all__ = ["MAX_BYTES", "SignedTask", "Verifier", "expiry_of", "sign", "told"]

MAX_BYTES: Final = 256 * 1024
"""Largest envelope: arguments, parameters and variables of one task, with its proof."""

_FAMILY: Final = b"RQA"
_MAGIC: Final = b"RQA1"
_DOMAIN: Final = b"rq-agent tasks v1\x00"
GROUP: Final = 16
"""Tasks under one signature. Twice as many would save a worker 3 us a task and cost Redis 34
bytes for each that waits."""
LARGE_GROUP: Final = 64
"""For thousands of tasks of one call: their signatures would cost more than all else of them."""
_REMEMBERED: Final = 4096
"""Verified batches that a verifier remembers, about 400 bytes each."""
_NODES: Final = 16384
"""Nodes of the trees of verified batches that a verifier remembers too, some 200 bytes each: tasks
that were signed together are mostly claimed together. We sign up to 64 tasks as one tree (127
nodes); of another's tree of up to 65 536, no more is remembered either."""

_Hash = Annotated[bytes, msgspec.Meta(min_length=merkle.HASH_BYTES, max_length=merkle.HASH_BYTES)]


class _Envelope(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, array_like=True
):
    key_id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    signature: Annotated[
        bytes, msgspec.Meta(min_length=SIGNATURE_BYTES, max_length=SIGNATURE_BYTES)
    ]
    """Over the number of leaves and the root."""
    index: Annotated[int, msgspec.Meta(ge=0, lt=merkle.MAX_LEAVES)]
    count: Annotated[int, msgspec.Meta(ge=1, le=merkle.MAX_LEAVES)]
    proof: Annotated[tuple[_Hash, ...], msgspec.Meta(max_length=merkle.MAX_DEPTH)]
    body: bytes
    """msgpack of a SignedTask but for its place; a leaf of the tree is the place, then the body."""


_decoder: Final = msgspec.msgpack.Decoder(_Envelope)


def sign(tasks: Sequence[SignedTask], pair: KeyPair, *, group: int = GROUP) -> list[bytes]:
    """Return the envelope of each task, many under one signature.

    Args:
        tasks: any number.
        pair: the key of whoever submits them.
        group: tasks under one signature, at most.

    Raises:
        UsageError: a task that no worker would accept.
    """
    return sign_bodies([(task.task_id, *encode(task)) for task in tasks], pair, group=group)


def sign_bodies(
    tasks: Sequence[tuple[str, bytes, bytes]], pair: KeyPair, *, group: int = GROUP
) -> list[bytes]:
    """Return the envelopes of tasks that are encoded: id, place and body; see `sign`."""
    groups = (tasks[n : n + group] for n in range(0, len(tasks), group))
    return [envelope for those in groups for envelope in _sign_group(those, pair)]


def _sign_group(tasks: Sequence[tuple[str, bytes, bytes]], pair: KeyPair) -> list[bytes]:
    root, proofs = merkle.root_and_proofs([place + body for _, place, body in tasks])
    signature = pair.sign(_message(len(tasks), root))
    envelopes = []
    for index, ((task_id, _, body), proof) in enumerate(zip(tasks, proofs, strict=True)):
        envelope = _Envelope(
            key_id=pair.key_id,
            signature=signature,
            index=index,
            count=len(tasks),
            proof=proof,
            body=body,
        )
        envelopes.append(_sealed(envelope, task_id))
    return envelopes


class Verifier:
    """Opens envelopes for a worker that trusts the keys of one file."""

    def __init__(self, trust: TrustFile) -> None:
        self._trust = trust
        self._asked: dict[str, TrustedKey] | None = None
        """Keys that the trust file was asked for; None: it is asked each time."""
        self._trees: OrderedDict[tuple[bytes, bytes, int], merkle.Tree] = OrderedDict()
        """Of batches whose signature was verified: by key, signature and number of tasks."""
        self._nodes = 0
        """Of all these trees."""
        # Raising is not remembered, so forged records can't push verified batches out.
        self._check_signature = lru_cache(_REMEMBERED)(check_signature)

    @property
    def signature_checks(self) -> int:
        """How many Ed25519 verifications were computed so far, and not remembered."""
        return self._check_signature.cache_info().misses

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Look at the trust file once for all tasks that are opened within: wait for nothing there."""
        self._asked = {}
        try:
            yield
        finally:
            self._asked = None

    def open(
        self,
        envelope: bytes,
        *,
        namespace: str,
        task_id: TaskId,
        definition: str,
        queue: str,
        shape: str,
        now_s: float,
    ) -> SignedTask:
        """Return what was signed, if a trusted key signed it for exactly this task.

        Args:
            envelope: what Redis holds, from anybody.
            namespace, task_id, definition, queue, shape: what Redis says about the task.
            now_s: Unix s.

        Raises:
            TrustError: forged, altered, replayed, expired, oversized or malformed.
            TrustFileError: the worker's own trust file is not usable; the task may be fine.
        """
        task = self.read(
            envelope, namespace=namespace, task_id=task_id, definition=definition, queue=queue
        )
        if now_s > task.not_after:
            expiry = datetime.fromtimestamp(task.not_after, UTC).isoformat(sep=" ")
            raise TrustError(f"signature expired at {expiry}: submit the task again")
        if shape_id(task.need) != shape:
            raise TrustError(f"signed for needs of shape {shape_id(task.need)!r}, not {shape!r}")
        return task

    def read(
        self, envelope: bytes, *, namespace: str, task_id: TaskId, definition: str, queue: str
    ) -> SignedTask:
        """Return what was signed, also if that was long ago: to be read or copied, not to be run.

        Args, Raises: see open(); `queue` is the one that a copy is for.
        """
        place = Place(namespace, task_id, definition)
        key, body = self._verified(envelope, place)
        task = decode(place, body)  # not a byte of it was interpreted before this line
        if not key.allows(queue):
            raise TrustError(
                f"key {key.id} of {key.name!r} may not submit to queue {queue}; "
                f"its queues are in {self._trust.path}"
            )
        return task

    def _verified(self, envelope: bytes, place: Place) -> tuple[TrustedKey, bytes]:
        """Return the body of an envelope and the trusted key that signed it for this place."""
        outer = _unsealed(envelope)
        key = self._key(outer.key_id, place.namespace)
        try:
            leaf = encode_place(place) + outer.body
            self._check(leaf, outer, key.public)
        except ValueError as e:
            raise TrustError(f"signature does not match: {e}") from e
        return key, outer.body

    def _check(self, leaf: bytes, outer: _Envelope, public: bytes) -> None:
        """Raise TrustError, or ValueError, unless the owner of a key signed a leaf."""
        batch = (public, outer.signature, outer.count)
        known = self._trees.get(batch)
        if known is not None and self._proves(known, leaf, outer):
            return
        tree = merkle.Tree(outer.count)
        root = tree.root_from(leaf, index=outer.index, proof=outer.proof)
        self._check_signature(public, _message(outer.count, root), outer.signature)
        self._remember(batch, tree)

    def _key(self, key_id: str, namespace: str) -> TrustedKey:
        if self._asked is None:
            return self._trust.require(key_id, namespace=namespace)
        if (key := self._asked.get(key_id)) is None:
            key = self._asked[key_id] = self._trust.require(key_id, namespace=namespace)
        return key

    def _proves(self, tree: merkle.Tree, leaf: bytes, outer: _Envelope) -> bool:
        size = tree.size
        is_proved = tree.proves(leaf, index=outer.index, proof=outer.proof)
        if tree.size > size:
            self._nodes += tree.size - size
            self._forget_some()
        return is_proved

    def _remember(self, batch: tuple[bytes, bytes, int], tree: merkle.Tree) -> None:
        if tree.is_single:
            return
        older = self._trees.pop(batch, None)
        self._trees[batch] = tree
        self._nodes += tree.size - (older.size if older else 0)
        self._forget_some()

    def _forget_some(self) -> None:
        while self._nodes > _NODES:
            _, oldest = self._trees.popitem(last=False)
            self._nodes -= oldest.size


def expiry_of(envelope: bytes) -> int | None:
    """Return until when (Unix s) an envelope says that it holds; None where it says nothing.

    Nothing is verified: to warn people, not to decide whether a task runs.
    """
    try:
        return not_after_of(_unsealed(envelope).body)
    except TrustError:
        return None


def told(envelope: bytes, place: Place) -> SignedTask | None:
    """Return what an envelope says about a task; None where it says nothing.

    Nothing is verified: to show people, not to decide whether a task runs, nor to be copied.
    """
    try:
        return decode(place, _unsealed(envelope).body)
    except TrustError:
        return None


def _message(count: int, root: bytes) -> bytes:
    return _DOMAIN + count.to_bytes(4) + root


def _sealed(envelope: _Envelope, task_id: str) -> bytes:
    content = _MAGIC + msgspec.msgpack.encode(envelope)
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"task {task_id}: arguments, parameters and variables make {len(content)} bytes, "
            f"larger than {MAX_BYTES}; put large values into a file"
        )
    return content


def _unsealed(content: bytes) -> _Envelope:
    if len(content) > MAX_BYTES:
        raise TrustError(f"{len(content)} bytes, larger than {MAX_BYTES}")
    if not content.startswith(_MAGIC):
        _refuse_magic(content)
    try:
        return _decoder.decode(memoryview(content)[len(_MAGIC) :])
    except ValueError as e:
        raise TrustError(f"not a signed task: {brief(e)}") from e


def _refuse_magic(content: bytes) -> None:
    version = content[len(_FAMILY) : len(_MAGIC)]
    if content.startswith(_FAMILY) and version.isdigit() and version > b"1":
        raise TrustError(
            f"made by a newer rq-agent (envelope version {version.decode()}): update this worker"
        )
    raise TrustError("not a signed task: it does not begin as one")
