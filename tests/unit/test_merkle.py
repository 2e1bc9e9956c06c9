"""merkle.py against the definitions and published vectors of RFC 6962."""

import hashlib
from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.broker import merkle

ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


def root_by_definition(entries: Sequence[bytes]) -> bytes:
    """The recursive text of RFC 6962, section 2.1."""
    if len(entries) == 1:
        return hashlib.sha256(b"\0" + entries[0]).digest()
    split = 1 << (len(entries) - 1).bit_length() - 1
    left, right = root_by_definition(entries[:split]), root_by_definition(entries[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


@pytest.mark.parametrize(("count", "root"), ROOTS.items())
def test_the_root_is_the_published_one(count: int, root: str) -> None:
    assert merkle.root_and_proofs(ENTRIES[:count])[0].hex() == root


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70))
def test_every_proof_leads_to_the_root_that_the_rfc_defines(entries: list[bytes]) -> None:
    root, proofs = merkle.root_and_proofs(entries)

    assert root == root_by_definition(entries)
    for index, (entry, proof) in enumerate(zip(entries, proofs, strict=True)):
        found = merkle.root_from(entry, index=index, count=len(entries), proof=proof)
        assert found == root
        assert len(proof) <= (len(entries) - 1).bit_length()


@pytest.mark.parametrize("count", [2, 3, 7, 8])
def test_a_proof_serves_no_other_entry_and_no_other_place(count: int) -> None:
    entries = ENTRIES[:count]
    root, proofs = merkle.root_and_proofs(entries)

    for index, proof in enumerate(proofs):
        for place in set(range(count)) - {index}:
            assert root != _root_or_none(entries[index], place, count, proof)
            assert root != _root_or_none(entries[place], index, count, proof)


def test_a_node_can_not_be_passed_off_as_an_entry() -> None:
    root, proofs = merkle.root_and_proofs(ENTRIES[:4])
    left_pair = b"".join(hashlib.sha256(b"\0" + entry).digest() for entry in ENTRIES[:2])

    assert merkle.root_from(left_pair, index=0, count=2, proof=proofs[0][1:]) != root


def test_a_repeated_last_entry_gives_another_root() -> None:
    three, four = ENTRIES[:3], [*ENTRIES[:3], ENTRIES[2]]

    assert merkle.root_and_proofs(three)[0] != merkle.root_and_proofs(four)[0]


@pytest.mark.parametrize(
    ("index", "count", "length"), [(0, 4, 1), (0, 4, 3), (4, 4, 2), (-1, 4, 2), (0, 0, 0)]
)
def test_a_proof_that_can_not_belong_to_its_place_is_refused(
    index: int, count: int, length: int
) -> None:
    with pytest.raises(ValueError, match=r"proof is too|no leaf"):
        merkle.root_from(b"", index=index, count=count, proof=[bytes(32)] * length)


def test_the_largest_batch_has_proofs_of_the_stated_depth() -> None:
    _, proofs = merkle.root_and_proofs([b""] * merkle.MAX_LEAVES)

    assert {len(proof) for proof in proofs} == {merkle.MAX_DEPTH}


def _root_or_none(entry: bytes, index: int, count: int, proof: tuple[bytes, ...]) -> bytes | None:
    try:
        return merkle.root_from(entry, index=index, count=count, proof=proof)
    except ValueError:
        return None


@given(st.lists(st.binary(max_size=8), min_size=1, max_size=70), st.randoms())
def test_a_known_tree_proves_all_of_its_entries_in_any_order(
    entries: list[bytes], random: Random
) -> None:
    root, proofs = merkle.root_and_proofs(entries)
    order = random.sample(range(len(entries)), len(entries))
    tree = merkle.Tree(len(entries))
    assert tree.root_from(entries[order[0]], index=order[0], proof=proofs[order[0]]) == root

    for index in [*order, *order]:
        assert tree.proves(entries[index], index=index, proof=proofs[index])
        assert not tree.proves(entries[index] + b"x", index=index, proof=proofs[index])
        assert not tree.proves(entries[index], index=index, proof=(*proofs[index], bytes(32)))
        if proofs[index]:
            others = [bytes(32)] * len(proofs[index])
            assert not tree.proves(entries[index], index=index, proof=others)
            assert not tree.proves(entries[index], index=index, proof=proofs[index][:-1])
    assert not tree.proves(entries[0], index=len(entries), proof=proofs[0])
    assert not tree.proves(entries[0], index=-1, proof=proofs[0])


def test_what_was_refused_is_not_known_afterwards() -> None:
    entries = [b"%d" % n for n in range(8)]
    _, proofs = merkle.root_and_proofs(entries)
    tree = merkle.Tree(8)
    tree.root_from(entries[0], index=0, proof=proofs[0])
    forged = (hashlib.sha256(b"\0forged").digest(), *proofs[4][1:])

    assert not tree.proves(entries[4], index=4, proof=forged)

    assert not tree.proves(b"forged", index=5, proof=proofs[5])
    assert tree.proves(entries[4], index=4, proof=proofs[4])
