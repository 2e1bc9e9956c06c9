"""Only what a trusted key signed, for exactly this task, comes out of an envelope."""

import hashlib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.broker import envelope as envelope_file
from rq_agent.broker.envelope import MAX_BYTES, SignedTask, Verifier, sign
from rq_agent.broker.errors import TrustError, UsageError
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need, shape_id
from rq_agent.broker.trust import TrustFile, TrustFileError

DEFINITION, OTHER_DEFINITION = "a" * 64, "b" * 64
NEED = Need(gpus=1)
NOW_S = 1_800_000_000.0


def task(number: int = 1, **fields: Any) -> SignedTask:
    chosen: dict[str, Any] = {
        "namespace": "lab",
        "task_id": f"t{number}",
        "definition": DEFINITION,
        "argv": ("--fast", f"{number}"),
        "params": {"lr": "0.1"},
        "env": {"MODE": "x"},
        "need": NEED,
        "not_after": int(NOW_S) + 60,
    }
    return SignedTask(**chosen | fields)


class Lab:
    """A user's key, a worker that trusts it for the queue gpu, and what Redis says of a task."""

    def __init__(self, folder: Path) -> None:
        self.pair = KeyPair.load_or_create(folder / "keys", "ada@lab")
        self.trust = TrustFile(folder / "trust.json")
        self.trust.add(self.pair.public, "ada@lab", ["gpu"])
        self.verifier = Verifier(self.trust)

    def open(self, envelope: bytes, **said: Any) -> SignedTask:
        chosen: dict[str, Any] = {
            "namespace": "lab",
            "task_id": TaskId("t1"),
            "definition": DEFINITION,
            "queue": "gpu",
            "shape": shape_id(NEED),
            "now_s": NOW_S,
        }
        return self.verifier.open(envelope, **chosen | said)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return Lab(tmp_path_factory.mktemp("lab"))


def altered(envelope: bytes, field: int, value: Any) -> bytes:
    """Return the envelope with one of key id, signature, index, count, proof, body replaced."""
    fields = msgspec.msgpack.decode(envelope[4:])
    fields[field] = value
    return envelope[:4] + msgspec.msgpack.encode(fields)


def sealed(lab: Lab, body: bytes) -> bytes:
    """Return an envelope around any bytes, signed by a trusted key; pins the wire format."""
    leaf = b"\0" + msgspec.msgpack.encode(["lab", "t1", DEFINITION]) + body
    message = b"rq-agent tasks v1\0" + b"\0\0\0\1" + hashlib.sha256(leaf).digest()
    fields = [lab.pair.key_id, lab.pair.sign(message), 0, 1, [], body]
    return b"RQA1" + msgspec.msgpack.encode(fields)


def test_what_was_signed_comes_out_whole(lab: Lab) -> None:
    signed = task(timeout_s=5, grace_s=1.5, user="ada", need=NEED)

    [envelope] = sign([signed], lab.pair)

    assert lab.open(envelope) == signed


def test_the_same_tasks_give_the_same_bytes(lab: Lab) -> None:
    first = task(env={"A": "1", "B": "2"})
    second = task(env={"B": "2", "A": "1"})

    assert sign([first], lab.pair) == sign([second], lab.pair)


def test_nothing_to_sign_gives_nothing(lab: Lab) -> None:
    assert sign([], lab.pair) == []


def test_a_batch_of_200_costs_one_verification_for_each_16(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    tasks = [task(number) for number in range(200)]

    envelopes = sign(tasks, lab.pair)

    opened = [lab.open(e, task_id=TaskId(f"t{n}")) for n, e in enumerate(envelopes)]
    assert opened == tasks
    assert lab.verifier.signature_checks == 13


def test_trees_are_remembered_up_to_a_number_of_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(envelope_file, "_NODES", 100)
    lab = Lab(tmp_path)
    tasks = [task(number) for number in range(200)]
    opened, most = [], 0

    for group in (8, 64):  # eight trees of 15 nodes are too many, as is one of 127
        for n, each in enumerate(sign(tasks, lab.pair, group=group)):
            opened.append(lab.open(each, task_id=TaskId(f"t{n}")))
            most = max(most, sum(tree.size for tree in lab.verifier._trees.values()))

    assert opened == tasks * 2
    assert 85 <= most <= 100
    assert lab.verifier._nodes == sum(tree.size for tree in lab.verifier._trees.values())


def test_the_trust_file_is_read_once_for_what_is_opened_at_once(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    first, second, third = sign([task(n) for n in (1, 2, 3)], lab.pair)

    with lab.verifier.at_once():
        lab.open(first)
        lab.trust.path.unlink()
        assert lab.open(second, task_id=TaskId("t2"))

    with pytest.raises(TrustError, match="trust file"):
        lab.open(third, task_id=TaskId("t3"))


def test_a_forged_record_is_verified_anew_each_time(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    forged = altered(sign([task()], lab.pair)[0], 1, bytes(64))

    for _ in range(2):
        with pytest.raises(TrustError, match="signature does not match"):
            lab.open(forged)

    assert lab.verifier.signature_checks == 2


def test_a_key_that_the_worker_does_not_know_is_named_with_the_file(
    lab: Lab, tmp_path: Path
) -> None:
    eve = KeyPair.load_or_create(tmp_path, "eve@elsewhere")
    [envelope] = sign([task()], eve)

    with pytest.raises(TrustError, match=f"key {eve.key_id} is not in .*{lab.trust.path}; add it"):
        lab.open(envelope)


def test_a_signature_under_a_borrowed_key_id_does_not_match(lab: Lab, tmp_path: Path) -> None:
    eve = KeyPair.load_or_create(tmp_path, "eve@elsewhere")
    forged = altered(sign([task()], eve)[0], 0, lab.pair.key_id)

    with pytest.raises(TrustError, match="signature does not match: the record was altered"):
        lab.open(forged)


def test_a_key_that_lost_its_trust_opens_nothing_that_it_signed_before(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    [envelope] = sign([task()], lab.pair)
    assert lab.open(envelope)

    lab.trust.path.unlink()

    with pytest.raises(TrustError, match="is not in this worker's trust file"):
        lab.open(envelope)


def test_a_spoiled_trust_file_does_not_look_like_the_fault_of_a_task(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    [envelope] = sign([task()], lab.pair)
    lab.trust.path.write_text("{")

    with pytest.raises(TrustFileError):
        lab.open(envelope)


@pytest.mark.parametrize(
    ("mask", "is_known"), [(0x01, False), (0x01, True), (0x40, False), (0x80, False), (0xFF, False)]
)
def test_no_byte_of_an_envelope_can_be_changed(lab: Lab, mask: int, is_known: bool) -> None:
    envelope = sign([task(n, user=f"{mask}") for n in (0, 1, 2)], lab.pair)[1]
    if is_known:
        assert lab.open(envelope)

    for place in range(len(envelope)):
        changed = bytearray(envelope)
        changed[place] ^= mask
        with pytest.raises(TrustError):
            lab.open(bytes(changed))


def test_an_altered_body_proof_place_or_signature_does_not_match(lab: Lab) -> None:
    first, second, _ = sign([task(n) for n in (1, 2, 3)], lab.pair)
    of_first, of_second = (msgspec.msgpack.decode(e[4:]) for e in (first, second))

    for field, value in [
        (1, bytes([of_first[1][0] ^ 1]) + of_first[1][1:]),
        (2, 1),  # the place of another
        (3, 4),  # a larger batch of the same depth
        (4, of_second[4]),  # the proof of another
        (4, of_first[4][:1]),
        (4, [*of_first[4], bytes(32)]),
        (5, of_second[5]),  # the body of another
        (5, of_first[5].replace(b"--fast", b"--evil")),
    ]:
        with pytest.raises(TrustError, match="signature does not match"):
            lab.open(altered(first, field, value))


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"task_id": TaskId("t2")}, "signature does not match: .* or is of another task"),
        ({"namespace": "prod"}, "signature does not match"),
        ({"definition": OTHER_DEFINITION}, "signature does not match"),
        ({"definition": "\udcff"}, "signature does not match"),
        ({"shape": shape_id(Need())}, f"signed for needs of shape '{shape_id(NEED)}', not"),
        ({"now_s": NOW_S + 61}, r"signature expired at 2027-01-15 08:01:00\+00:00: submit"),
        ({"queue": "cpu"}, "of 'ada@lab' may not submit to queue cpu"),
    ],
)
def test_a_valid_record_in_the_wrong_place_is_refused(
    lab: Lab, said: dict[str, Any], words: str
) -> None:
    [envelope] = sign([task()], lab.pair)

    with pytest.raises(TrustError, match=words):
        lab.open(envelope, **said)


def test_a_task_may_start_until_the_last_second_of_its_time(lab: Lab) -> None:
    [envelope] = sign([task()], lab.pair)

    assert lab.open(envelope, now_s=NOW_S + 60)


def test_bodies_swapped_between_two_tasks_are_refused_for_both(lab: Lab) -> None:
    first, second = sign([task(1), task(2)], lab.pair)

    for envelope, said in [(second, "t1"), (first, "t2")]:
        with pytest.raises(TrustError, match="signature does not match"):
            lab.open(envelope, task_id=TaskId(said))


@pytest.mark.parametrize("content", [b"", b"RQA", b"RQA0", b"RQA1", b"RQA1\xc0", b"\x80\x04pickle"])
def test_what_is_no_envelope_is_called_so(lab: Lab, content: bytes) -> None:
    with pytest.raises(TrustError, match="not a signed task"):
        lab.open(content)


def test_an_envelope_of_a_newer_version_asks_for_a_newer_worker(lab: Lab) -> None:
    with pytest.raises(TrustError, match=r"newer rq-agent \(envelope version 2\): update"):
        lab.open(b"RQA2" + bytes(100))


def test_an_oversized_envelope_is_refused_before_anything_reads_it(lab: Lab) -> None:
    with pytest.raises(TrustError, match=f"{MAX_BYTES + 1} bytes, larger than 262144"):
        lab.open(b"\xff" * (MAX_BYTES + 1))


@given(st.binary(max_size=300), st.sampled_from([b"", b"RQA1", b"RQA1\x96", b"RQA1\x96\xb0"]))
def test_arbitrary_bytes_raise_nothing_but_trust_errors(
    lab: Lab, content: bytes, start: bytes
) -> None:
    with pytest.raises(TrustError):
        lab.open(start + content)


@given(st.data())
def test_arbitrary_values_in_a_well_formed_array_raise_nothing_but_trust_errors(
    lab: Lab, data: st.DataObject
) -> None:
    scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats()
    texts = st.binary(max_size=70) | st.text(max_size=20) | st.just(lab.pair.key_id)
    values = st.recursive(scalars | texts, lambda inner: st.lists(inner, max_size=3), max_leaves=8)
    fields = data.draw(st.lists(values, max_size=8))

    with pytest.raises(TrustError):
        lab.open(b"RQA1" + msgspec.msgpack.encode(fields))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shell": "rm"}, "unknown field `shell`"),
        ({"v": 2}, "Invalid enum value 2"),
        ({"argv": ["a\0b"]}, "argument 1: holds a NUL"),
        ({"env": {"A-B": "x"}}, "'A-B' can't be the name of a variable"),
        ({"timeout_s": float("nan")}, "timeout_s"),
        ({"argv": "text"}, "Expected `array`, got `str`"),
        ({"need": {"gpus": 1, "extra": 1}}, "unknown field `extra`"),
        ({"user": "\x1b[2J" * 100}, "length <= 255"),
        ({"task_id": "t1"}, "unknown field `task_id`"),
        ({"restart": "sometimes"}, "Invalid enum value"),
        ({"need": {"light": "yes"}}, "Expected `bool`"),
        ({"call": "[1]"}, "its arguments are not"),
        ({"call": "[[],\n{}]"}, "one line"),
        ({"call": "[" * 5_000 + "]" * 4_999 + ",{}]"}, "within each other"),
        ({"call": "[[NaN],{}]"}, "its arguments are not"),
        ({"call": '[["' + "x" * 205_000 + '"],{}]'}, "put large values into a file"),
    ],
)
def test_what_a_trusted_key_signed_is_still_held_to_the_limits(
    lab: Lab, change: dict[str, Any], words: str
) -> None:
    body = msgspec.msgpack.encode({"argv": ["--fast"], "not_after": int(NOW_S) + 60} | change)

    with pytest.raises(TrustError, match=f"signed, but not acceptable: .*{words}"):
        lab.open(sealed(lab, body))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_under_a_valid_signature_raise_nothing_but_trust_errors(
    lab: Lab, body: bytes
) -> None:
    with pytest.raises(TrustError):
        lab.open(sealed(lab, body))


def test_a_task_that_is_too_large_is_refused_where_it_is_signed(lab: Lab) -> None:
    with pytest.raises(UsageError, match=r"task t1: .* larger than 262144; put large values"):
        sign([task(argv=("x" * 100_000,) * 3)], lab.pair)


def test_the_largest_task_that_can_be_signed_can_be_opened(lab: Lab) -> None:
    values = {"a": "x" * 128_000, "b": "x" * 100_000}
    spare = MAX_BYTES - len(sign([task(params=values | {"c": "x" * 300})], lab.pair)[0])
    largest = task(params=values | {"c": "x" * (300 + spare)})

    [envelope] = sign([largest], lab.pair)

    assert len(envelope) == MAX_BYTES
    assert lab.open(envelope) == largest
