import base64
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from rq_agent.broker.errors import TrustError, UsageError
from rq_agent.broker.keypair import key_id_of
from rq_agent.broker.trust import TrustFile, TrustFileError

ADA, BOB = bytes(range(32)), bytes(range(32, 64))
ADA_ID = key_id_of(ADA)


def entry(key: bytes = ADA, **fields: Any) -> dict[str, Any]:
    encoded = base64.b64encode(key).decode()
    return {
        "id": key_id_of(key),
        "public": encoded,
        "name": "ada@lab",
        "queues": ["*"],
    } | fields


def write(path: Path, *keys: dict[str, Any], **fields: Any) -> TrustFile:
    path.write_text(json.dumps({"v": 1, "keys": keys} | fields))
    path.chmod(0o600)
    return TrustFile(path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trust.json"


def test_a_missing_file_trusts_nobody_until_it_appears(path: Path) -> None:
    trust = TrustFile(path)
    assert trust.find(ADA_ID) is None

    write(path, entry())

    found = trust.find(ADA_ID)
    assert found is not None
    assert found.public == ADA


@pytest.mark.parametrize(
    ("queues", "queue", "allowed"),
    [
        (["*"], "gpu", True),
        (["gpu", "cpu"], "cpu", True),
        (["gpu"], "gpu2", False),
        (["gpu-*"], "gpu-big", True),
        (["GPU"], "gpu", False),
        ([], "gpu", False),
    ],
)
def test_a_key_may_submit_to_the_queues_that_its_patterns_name(
    path: Path, queues: list[str], queue: str, allowed: bool
) -> None:
    trust = write(path, entry(queues=queues))

    assert trust.trusts(ADA_ID, queue) is allowed
    assert not trust.trusts(key_id_of(BOB), queue)


def test_a_key_that_is_added_is_on_disk_in_a_private_file(path: Path) -> None:
    path = path.parent / "new" / "config" / "trust.json"

    assert TrustFile(path).add(ADA, "ada@lab", ["gpu"])

    assert json.loads(path.read_text()) == {
        "v": 1,
        "keys": [entry(queues=["gpu"])],
        "keepers": [],
    }
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(p.name for p in path.parent.iterdir()) == ["trust.json", "trust.json.lock"]


def test_adding_a_known_key_again_does_not_widen_what_it_may_do(path: Path) -> None:
    trust = TrustFile(path)
    trust.add(ADA, "ada@lab", ["cpu"])

    assert not trust.add(ADA, "ada@lab", ["*"])

    assert trust.trusts(ADA_ID, "cpu")
    assert not trust.trusts(ADA_ID, "gpu")


def test_a_change_of_the_file_counts_from_the_next_look(path: Path) -> None:
    trust = write(path, entry(), entry(BOB))
    assert trust.trusts(ADA_ID, "gpu")

    write(path, entry(BOB))

    assert not trust.trusts(ADA_ID, "gpu")
    assert trust.trusts(key_id_of(BOB), "gpu")


def test_a_file_that_is_removed_trusts_nobody(path: Path) -> None:
    trust = write(path, entry())
    assert trust.trusts(ADA_ID, "gpu")

    path.unlink()

    assert not trust.trusts(ADA_ID, "gpu")


def test_threads_that_add_at_once_lose_no_key(path: Path) -> None:
    keys = [bytes([number]) * 32 for number in range(12)]
    barrier = threading.Barrier(len(keys))

    def add(key: bytes) -> None:
        barrier.wait(10)
        TrustFile(path).add(key, "u@h", ["*"])

    threads = [threading.Thread(target=add, args=(key,)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    trust = TrustFile(path)
    assert all(trust.trusts(key_id_of(key), "gpu") for key in keys)


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real = tmp_path / "dotfiles" / "trust.json"
    path.symlink_to(real)

    TrustFile(path).add(ADA, "ada@lab", ["*"])

    assert path.is_symlink()
    assert TrustFile(real).trusts(ADA_ID, "gpu")


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused_with_the_remedy(path: Path, mode: int) -> None:
    trust = write(path, entry())
    path.chmod(mode)

    with pytest.raises(TrustFileError, match=f"{path}: mode {mode:04o} .*chmod 600 {path}"):
        trust.find(ADA_ID)
    with pytest.raises(TrustFileError, match="chmod 600"):
        trust.add(BOB, "bob@lab", ["*"])


def test_a_file_that_others_may_read_is_fine(path: Path) -> None:
    trust = write(path, entry())
    path.chmod(0o644)

    assert trust.trusts(ADA_ID, "gpu")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"v": 1,\n "keys": oops}', "line 2: JSON is malformed"),
        ('{"v": 1', "truncated"),
        ("", "truncated"),
        ("\xff", "malformed"),
        ('{"v": 2}', "Invalid enum value 2"),
        ('{"v": 1, "key": []}', "unknown field `key`"),
        (json.dumps({"keys": [entry(public="AAAA")]}), r"length >= 32 - at `\$.keys\[0\].public`"),
        (json.dumps({"keys": [entry(id="0" * 16)]}), "id 0000000000000000 does not belong"),
        (json.dumps({"keys": [entry(), entry(queues=[])]}), "names a key twice"),
    ],
)
def test_a_malformed_file_is_named_with_what_is_wrong(path: Path, content: str, words: str) -> None:
    path.write_text(content)

    with pytest.raises(TrustFileError, match=f"trust file {path}: .*{words}") as refused:
        TrustFile(path).find(ADA_ID)

    assert refused.value.path == path


def test_a_malformed_file_is_not_overwritten_by_add(path: Path) -> None:
    path.write_text("{")

    with pytest.raises(TrustFileError):
        TrustFile(path).add(ADA, "ada@lab", ["*"])

    assert path.read_text() == "{"


def test_a_file_that_was_good_and_is_not_trusts_nobody(path: Path) -> None:
    trust = write(path, entry())
    assert trust.trusts(ADA_ID, "gpu")

    path.write_text("{")

    for _ in range(2):
        with pytest.raises(TrustFileError):
            trust.find(ADA_ID)


@pytest.mark.parametrize(("public", "name"), [(b"short", "u@h"), (ADA, "n" * 256)])
def test_what_would_spoil_the_file_is_not_added(path: Path, public: bytes, name: str) -> None:
    with pytest.raises(UsageError, match="can't be trusted"):
        TrustFile(path).add(public, name, ["*"])

    assert not path.exists()


def test_something_that_is_no_file_is_a_clear_error(path: Path) -> None:
    path.mkdir()

    with pytest.raises(TrustError, match=f"trust file {path}: Is a directory"):
        TrustFile(path).find(ADA_ID)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_can_not_be_read_is_a_clear_error(path: Path) -> None:
    trust = write(path, entry())
    path.chmod(0)

    with pytest.raises(TrustFileError, match="Permission denied"):
        trust.find(ADA_ID)
