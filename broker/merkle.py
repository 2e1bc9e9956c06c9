"""Merkle trees over a batch of entries, so that one signature covers all of them. Pure.

Hashes, domain separation and tree shape are those of RFC 6962, section 2.1: a leaf can't be
passed off as a node, and an odd node moves up alone instead of being paired with itself.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

HASH_BYTES: Final = 32
MAX_DEPTH: Final = 16
MAX_LEAVES: Final = 2**MAX_DEPTH

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def root_and_proofs(entries: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """Return the root of at least one entry and, for each, its proof: siblings, leaf first."""
    if len(entries) == 1:  # most signatures are of one task
        return _leaf(entries[0]), [()]
    levels = _levels([_leaf(entry) for entry in entries])
    return levels[-1][0], [_proof(levels, index) for index in range(len(entries))]


def root_from(entry: bytes, *, index: int, count: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that a proof leads to, for the entry at `index` of `count`.

    Raises:
        ValueError: the proof is too short or too long for that place, or there is none.
    """
    return Tree(count).root_from(entry, index=index, proof=proof)


class Tree:
    """One tree, as far as the ways from some of its leaves to its root have shown it."""

    def __init__(self, count: int) -> None:
        """`count`: of its leaves."""
        self._count = count
        self._nodes: dict[int, bytes] = {}
        """By `level << MAX_DEPTH | index`; leaves are level 0. All lead to the same root."""

    @property
    def size(self) -> int:
        """Return how many nodes are known: some 200 bytes each."""
        return len(self._nodes)

    @property
    def is_single(self) -> bool:
        """Return whether it has one leaf only."""
        return self._count == 1

    def root_from(self, entry: bytes, *, index: int, proof: Sequence[bytes]) -> bytes:
        """Return the root that a proof leads to, for the entry at `index`; note the way there.

        Of one tree to be called once: whether the root is right is for the caller to find out.

        Raises:
            ValueError: the proof is too short or too long for that place, or there is none.
        """
        if not 0 <= index < self._count:
            raise ValueError(f"no leaf {index} in a tree of {self._count}")
        node, used, level, width = _leaf(entry), 0, 0, self._count
        self._nodes[index] = node
        while width > 1:
            if index % 2 or index + 1 < width:
                if used == len(proof):
                    raise ValueError("the proof is too short")
                sibling = proof[used]
                self._nodes[level << MAX_DEPTH | index ^ 1] = sibling
                node = _node(sibling, node) if index % 2 else _node(node, sibling)
                used += 1
            index, width, level = index // 2, (width + 1) // 2, level + 1
            self._nodes[level << MAX_DEPTH | index] = node
        if used != len(proof):
            raise ValueError("the proof is too long")
        return node

    def proves(self, entry: bytes, *, index: int, proof: Sequence[bytes]) -> bool:
        """Return whether an entry is known to be at a place of this tree, whose root is right.

        It is hashed only up to the first node that is known, which for neighbours of known ones
        is mostly the first; the rest of its proof is compared. What was met is known from then on.
        """
        if not 0 <= index < self._count:
            return False
        node, used, level, width = _leaf(entry), 0, 0, self._count
        known = self._nodes
        met: dict[int, bytes] = {}
        while (same := known.get(level << MAX_DEPTH | index)) is None:
            met[level << MAX_DEPTH | index] = node
            if index % 2 or index + 1 < width:
                if used == len(proof):
                    return False
                sibling = proof[used]
                met[level << MAX_DEPTH | index ^ 1] = sibling
                node = _node(sibling, node) if index % 2 else _node(node, sibling)
                used += 1
            index, width, level = index // 2, (width + 1) // 2, level + 1
        rest = self._siblings_above(level, index, width)
        if same != node or tuple(proof[used:]) != rest:
            return False
        known |= met
        return True

    def _siblings_above(self, level: int, index: int, width: int) -> tuple[bytes, ...]:
        """Return the siblings on the way from a known node to the root: they are known too."""
        siblings = []
        while width > 1:
            if index % 2 or index + 1 < width:
                siblings.append(self._nodes[level << MAX_DEPTH | index ^ 1])
            index, width, level = index // 2, (width + 1) // 2, level + 1
        return tuple(siblings)


def _levels(leaves: list[bytes]) -> list[list[bytes]]:
    levels = [leaves]
    while len(below := levels[-1]) > 1:
        pairs = [_node(*below[i : i + 2]) for i in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(pairs) * 2 :])
    return levels


def _proof(levels: list[list[bytes]], index: int) -> tuple[bytes, ...]:
    siblings = []
    for level in levels:
        if (index ^ 1) < len(level):
            siblings.append(level[index ^ 1])
        index //= 2
    return tuple(siblings)


def _leaf(entry: bytes) -> bytes:
    return hashlib.sha256(_LEAF + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(_NODE + left + right).digest()
