"""Merkle trees over a batch of entries, so that one signature covers all of them. Pure.

Hashes, domain separation and tree shape are those of RFC 6962, section 2.1: a leaf can't be
passed off as a node, and an odd node moves up alone instead of being paired with itself.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

HASH_BYTES: Final = 32
MAX_DEPTH: Final = 16
MAX_LEAVES: Final = 2**MAX_DEPTH

_LEAF: Final = b"\x00"
_NODE: Final = b"\x01"


def root_and_proofs(entries: Sequence[bytes]) -> tuple[bytes, list[tuple[bytes, ...]]]:
    """Return the root of at least one entry and, for each, its proof: siblings, leaf first."""
    levels = _levels([_leaf(entry) for entry in entries])
    return levels[-1][0], [_proof(levels, index) for index in range(len(entries))]


def root_from(entry: bytes, *, index: int, count: int, proof: Sequence[bytes]) -> bytes:
    """Return the root that a proof leads to, for the entry at `index` of `count`.

    Raises:
        ValueError: the proof is too short or too long for that place, or there is none.
    """
    if not 0 <= index < count:
        raise ValueError(f"no leaf {index} in a tree of {count}")
    siblings = iter(proof)
    node = _leaf(entry)
    while count > 1:
        if index % 2:
            node = _node(_next(siblings), node)
        elif index + 1 < count:
            node = _node(node, _next(siblings))
        index, count = index // 2, (count + 1) // 2
    if next(siblings, None) is not None:
        raise ValueError("the proof is too long")
    return node


def _next(siblings: Iterator[bytes]) -> bytes:
    sibling = next(siblings, None)
    if sibling is None:
        raise ValueError("the proof is too short")
    return sibling


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
