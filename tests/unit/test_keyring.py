"""Keyrings: signed for one namespace, and not a byte of one is believed before that is checked."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.errors import TrustError, UsageError
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keyring import (
    MAX_BYTES,
    MAX_KEYS,
    MAX_REVOKED,
    Keyring,
    keeper_of,
    open_sealed,
    seal,
    with_key,
    without_key,
)
from rq_agent.broker.trusted_key import check_patterns, parse_line, trusted_key

ADA = trusted_key(bytes(range(32)), "ada@lab", ["*"])
BOB = trusted_key(bytes(range(32, 64)), "bob@lab", ["gpu-*"])
RING = Keyring(serial=3, keys=(ADA, BOB))


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return KeyPair.load_or_create(tmp_path / "keys", "olga@server")


@pytest.fixture
def mallory(tmp_path: Path) -> KeyPair:
    return KeyPair.load_or_create(tmp_path / "mallory", "mallory@evil")


def opened(content: bytes, pair: KeyPair, namespace: str = "lab") -> Keyring:
    return open_sealed(content, keeper=pair.key_id, public=pair.public, namespace=namespace)


def test_a_keyring_is_read_as_it_was_signed(pair: KeyPair) -> None:
    content = seal(RING, pair, "lab")

    assert opened(content, pair) == RING
    assert keeper_of(content) == pair.key_id
    assert seal(RING, pair, "lab") == content
    assert RING.find(BOB.id) == BOB
    assert RING.find("0" * 16) is None


def test_a_keyring_counts_in_its_namespace_only(pair: KeyPair) -> None:
    content = seal(RING, pair, "lab")

    for other in ("lab2", "la", "b", ""):
        with pytest.raises(TrustError, match="signature does not match"):
            opened(content, pair, other)


def test_a_keyring_of_somebody_else_does_not_count(pair: KeyPair, mallory: KeyPair) -> None:
    forged = json.loads(seal(RING, mallory, "lab"))

    with pytest.raises(TrustError, match="not signed by its keeper"):
        opened(json.dumps(forged).encode(), pair)
    forged["keeper"] = pair.key_id
    with pytest.raises(TrustError, match="signature does not match"):
        opened(json.dumps(forged).encode(), pair)


def test_a_signature_of_another_kind_of_record_does_not_count(pair: KeyPair) -> None:
    forged = json.loads(seal(RING, pair, "lab"))
    body = json.dumps(forged["body"], separators=(",", ":")).encode()

    for domain in (b"", b"rq-agent tasks v1\x00", b"rq-agent keyring v1\x00"):
        forged["signature"] = base64.b64encode(pair.sign(domain + body)).decode()
        with pytest.raises(TrustError, match="signature does not match"):
            opened(json.dumps(forged).encode(), pair)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"serial":3', b'"serial":4'),
        (b'"serial":3', b'"serial": 3'),
        (b'"queues":["gpu-*"]', b'"queues":["*"]'),
        (b"bob@lab", b"b0b@lab"),
        (b'"revoked":[]', b'"revoked":[],"x":1'),
    ],
)
def test_an_altered_keyring_does_not_count(pair: KeyPair, old: bytes, new: bytes) -> None:
    content = seal(RING, pair, "lab")
    assert old in content

    with pytest.raises(TrustError, match="signature does not match"):
        opened(content.replace(old, new), pair)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"null", b"[]", b"\xff\xfe", b'"x"', b"1", b"[" * 100_000, b"{}"),
        b" " * (MAX_BYTES + 1),
        b'{"v":1,"keeper":"0","signature":"","body":{}}',
    ],
)
def test_what_is_no_keyring_is_refused(pair: KeyPair, content: bytes) -> None:
    with pytest.raises(TrustError):
        opened(content, pair)


def resealed(pair: KeyPair, **changes: Any) -> bytes:
    """A keyring with a body that our own code would not write, well signed."""
    signed = json.loads(seal(RING, pair, "lab"))
    body = json.dumps(signed["body"] | changes).encode()
    message = b"rq-agent keyring v1\x00" + (3).to_bytes(2) + b"lab" + body
    head = {
        "v": 1,
        "keeper": pair.key_id,
        "signature": base64.b64encode(pair.sign(message)).decode(),
    }
    return json.dumps(head).encode()[:-1] + b',"body":' + body + b"}"


def test_our_own_way_to_seal_is_the_documented_one(pair: KeyPair) -> None:
    assert opened(resealed(pair), pair) == RING


@pytest.mark.parametrize(
    "changes",
    [
        {"serial": 0},
        {"serial": -1},
        {"serial": "3"},
        {"serial": 2**53},
        {"keys": None},
        {"keys": [{"id": ADA.id}]},
        {"extra": 1},
        {"revoked": [{"id": "x", "name": "y"}]},
    ],
)
def test_also_a_signed_keyring_must_have_the_right_form(
    pair: KeyPair, changes: dict[str, Any]
) -> None:
    with pytest.raises(TrustError, match="not a keyring"):
        opened(resealed(pair, **changes), pair)


def test_ids_must_belong_to_their_keys_and_come_once(pair: KeyPair) -> None:
    ada = json.loads(seal(RING, pair, "lab"))["body"]["keys"][0]

    with pytest.raises(TrustError, match="does not belong to its public key"):
        opened(resealed(pair, keys=[ada | {"id": BOB.id}]), pair)
    with pytest.raises(TrustError, match="names a key twice"):
        opened(resealed(pair, keys=[ada, ada]), pair)


def test_each_change_counts_up_and_what_is_removed_is_remembered() -> None:
    first = with_key(None, ADA)
    second = with_key(first, BOB)
    third = without_key(second, ADA)
    again = with_key(third, ADA)

    assert [r.serial for r in (first, second, third, again)] == [1, 2, 3, 4]
    assert third.keys == (BOB,)
    assert (gone := third.find_revoked(ADA.id)) is not None
    assert gone.name == "ada@lab"
    assert again.find_revoked(ADA.id) is None
    assert again.find(ADA.id) == ADA


def test_a_key_that_is_added_again_has_the_new_queues() -> None:
    narrowed = trusted_key(ADA.public, "ada@lab", ["low"])

    ring = with_key(RING, narrowed)

    assert ring.find(ADA.id) == narrowed
    assert len(ring.keys) == 2


def test_the_list_of_removed_keys_is_bounded() -> None:
    ring = Keyring(serial=1, keys=())
    for n in range(MAX_REVOKED + 5):
        ring = without_key(ring, trusted_key(n.to_bytes(32), "x", []))

    assert len(ring.revoked) == MAX_REVOKED


def test_a_keyring_that_nobody_would_accept_is_not_signed(pair: KeyPair) -> None:
    keys = tuple(trusted_key(n.to_bytes(32), "x", ["*"]) for n in range(MAX_KEYS + 1))

    with pytest.raises(UsageError, match="the keyring of lab is full: 2049 keys"):
        seal(Keyring(serial=1, keys=keys), pair, "lab")


def test_the_line_of_a_public_key_is_read_again(pair: KeyPair) -> None:
    assert parse_line(pair.public_line) == (pair.public, "olga@server")
    assert parse_line(f"  {pair.public_line}\r\n") == (pair.public, "olga@server")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "ssh-ed25519 AAAA olga",
        "rqa-ed25519",
        "rqa-ed25519 short olga",
        "rqa-ed25519 " + "A" * 44 + " olga",
        "rqa-ed25519 " + "A" * 43 + "= o\x1b[2Jlga",
        "rqa-ed25519 " + "A" * 43 + "= " + "x" * 400,
        "rqa-ed25519 " + "!" * 43 + "= x",
    ],
)
def test_another_line_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        parse_line(line)


@pytest.mark.parametrize("queues", [[], ["a b"], ["a", ""], ["x" * 65], ["q"] * 65, ["a\n"]])
def test_what_fits_no_queue_is_no_pattern(queues: list[str]) -> None:
    with pytest.raises(UsageError):
        check_patterns(queues)


def test_names_and_patterns_of_queues_are_taken() -> None:
    assert check_patterns(["*", "gpu-*", "a.b", "[ab]?"]) == ("*", "gpu-*", "a.b", "[ab]?")
