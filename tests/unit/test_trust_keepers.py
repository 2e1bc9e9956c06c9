"""A trust file may name keepers: whom they sign for is trusted too, in their namespace."""

import json
from pathlib import Path

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.keyring import Keyring, seal, without_key
from rq_agent.broker.trust import TrustFile, TrustFileError, UnknownKeyError
from rq_agent.broker.trusted_key import TrustedKey, trusted_key

ADA = trusted_key(bytes(range(32)), "ada@lab", ["*"])
BOB = trusted_key(bytes(range(32, 64)), "bob@lab", ["gpu-*"])


class Machine:
    """One machine with a keeper."""

    def __init__(self, folder: Path) -> None:
        self.pair = KeyPair.load_or_create(folder / "keeper", "olga@server")
        self.path = folder / "config" / "trust.json"
        self.trust = TrustFile(self.path)

    def keeps(self, *keys: TrustedKey, serial: int = 1, ring: Keyring | None = None) -> Path:
        """Keep a keyring as if it had been fetched; return its file."""
        ring = ring or Keyring(serial=serial, keys=keys)
        content = seal(ring, self.pair, "lab")
        self.trust.kept.keep(self.pair.key_id, "lab", content)
        return self.trust.kept.path(self.pair.key_id, "lab")

    def has_keeper(self, **terms: int) -> bool:
        return self.trust.add_keeper(self.pair.public, self.pair.name, "lab", **terms)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_whom_a_keeper_signs_for_is_trusted_in_his_namespace(machine: Machine) -> None:
    machine.has_keeper()
    machine.keeps(ADA, BOB)

    assert machine.trust.find(BOB.id, namespace="lab") == BOB
    assert machine.trust.require(ADA.id, namespace="lab") == ADA
    assert machine.trust.find(ADA.id, namespace="other") is None
    assert machine.trust.find(ADA.id) is None
    assert not machine.trust.trusts(ADA.id, "gpu")


def test_a_keyring_without_a_keeper_does_not_count(machine: Machine) -> None:
    machine.keeps(ADA)

    assert machine.trust.find(ADA.id, namespace="lab") is None
    with pytest.raises(UnknownKeyError, match=r"not in this worker's trust file .*trust.json"):
        machine.trust.require(ADA.id, namespace="lab")


def test_the_keepers_own_key_is_not_trusted_unless_he_says_so(machine: Machine) -> None:
    machine.has_keeper()
    machine.keeps(ADA)

    assert machine.trust.find(machine.pair.key_id, namespace="lab") is None


def test_the_queues_of_the_file_itself_outrank_a_keyring(machine: Machine) -> None:
    machine.has_keeper()
    machine.keeps(ADA)
    machine.trust.add(ADA.public, "ada", ["low"])

    found = machine.trust.find(ADA.id, namespace="lab")

    assert found is not None
    assert found.queues == ("low",)


def test_a_newer_keyring_counts_at_once(machine: Machine) -> None:
    machine.has_keeper()
    machine.keeps(ADA, serial=1)
    assert machine.trust.find(ADA.id, namespace="lab") == ADA

    machine.keeps(BOB, serial=2)

    assert machine.trust.find(ADA.id, namespace="lab") is None
    assert machine.trust.find(BOB.id, namespace="lab") == BOB


def test_a_keyring_from_before_the_machine_joined_does_not_count(machine: Machine) -> None:
    machine.has_keeper(serial=5)

    machine.keeps(ADA, serial=4)
    assert machine.trust.find(ADA.id, namespace="lab") is None

    machine.keeps(ADA, serial=5)
    assert machine.trust.find(ADA.id, namespace="lab") == ADA


def test_who_joins_again_never_lowers_what_was_seen(machine: Machine) -> None:
    assert machine.has_keeper(serial=5)
    assert not machine.has_keeper(serial=3)
    assert not machine.has_keeper(serial=7)

    assert [keeper.serial for keeper in machine.trust.keepers("lab")] == [7]


def test_a_key_that_was_removed_is_told_by_name(machine: Machine) -> None:
    machine.has_keeper()
    machine.keeps(ring=without_key(Keyring(serial=1, keys=(ADA,)), ADA))

    with pytest.raises(
        UnknownKeyError, match=f"key {ADA.id} of 'ada@lab' was removed from the keyring of 'olga"
    ):
        machine.trust.require(ADA.id, namespace="lab")


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"null"])
def test_a_damaged_copy_counts_for_nothing_and_stops_nothing(
    machine: Machine, damage: bytes
) -> None:
    machine.has_keeper()
    path = machine.keeps(ADA)
    path.write_bytes(damage)
    machine.trust.add(BOB.public, "bob", ["*"])

    assert machine.trust.find(ADA.id, namespace="lab") is None
    assert machine.trust.find(BOB.id, namespace="lab") is not None


def test_a_copy_that_somebody_wrote_into_the_folder_is_verified(machine: Machine) -> None:
    machine.has_keeper()
    path = machine.keeps(ADA)
    content = json.loads(path.read_bytes())
    content["body"]["keys"][0]["queues"] = ["*", "x"]
    path.write_text(json.dumps(content))

    assert machine.trust.find(ADA.id, namespace="lab") is None


def test_files_are_for_their_owner_only(machine: Machine) -> None:
    machine.has_keeper()
    path = machine.keeps(ADA)

    assert path.stat().st_mode & 0o777 == 0o600
    assert machine.path.stat().st_mode & 0o777 == 0o600
    assert path.name == f"keyring.{machine.pair.key_id}.lab.json"


def test_a_copy_that_cannot_be_read_is_nobodys_fault_but_this_machines(machine: Machine) -> None:
    machine.has_keeper()
    path = machine.trust.kept.path(machine.pair.key_id, "lab")
    path.mkdir()

    with pytest.raises(TrustFileError, match=r"keyring\..*\.lab\.json"):
        machine.trust.find(ADA.id, namespace="lab")


def test_a_key_is_taken_out_of_the_file(machine: Machine) -> None:
    machine.trust.add(ADA.public, "ada", ["*"])
    machine.trust.add(BOB.public, "bob", ["*"])

    removed = machine.trust.remove(ADA.id)

    assert removed is not None
    assert removed.name == "ada"
    assert [key.id for key in TrustFile(machine.path).keys()] == [BOB.id]  # noqa: SIM118
    assert machine.trust.remove(ADA.id) is None


def test_a_keeper_is_asked_no_more(machine: Machine) -> None:
    machine.has_keeper()
    machine.keeps(ADA)

    assert machine.trust.remove_keeper(machine.pair.key_id)
    assert not machine.trust.remove_keeper(machine.pair.key_id)

    assert machine.trust.find(ADA.id, namespace="lab") is None


def test_keys_and_keepers_stand_side_by_side(machine: Machine) -> None:
    machine.trust.add(ADA.public, "ada", ["*"])
    machine.has_keeper()
    machine.trust.add(BOB.public, "bob", ["*"])
    machine.trust.add_keeper(ADA.public, "ada", "other")

    again = TrustFile(machine.path)

    assert [key.id for key in again.keys()] == [ADA.id, BOB.id]  # noqa: SIM118
    assert [keeper.name for keeper in again.keepers("lab")] == ["olga@server"]
    assert [keeper.name for keeper in again.keepers("other")] == ["ada"]


@pytest.mark.parametrize(
    ("public", "namespace"), [(b"short", "lab"), (b"x" * 32, ""), (b"x" * 32, "a:b")]
)
def test_what_is_no_keeper_is_refused(machine: Machine, public: bytes, namespace: str) -> None:
    with pytest.raises(UsageError):
        machine.trust.add_keeper(public, "olga", namespace)

    assert not machine.path.exists()


def test_a_keeper_whose_id_is_not_his_keys_spoils_the_file(machine: Machine) -> None:
    machine.has_keeper()
    content = json.loads(machine.path.read_text())
    content["keepers"][0]["id"] = "0" * 16
    machine.path.write_text(json.dumps(content))

    with pytest.raises(TrustFileError, match="does not belong to its public key"):
        TrustFile(machine.path).find(ADA.id, namespace="lab")
