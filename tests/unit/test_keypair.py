import base64
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

from rq_agent.broker.errors import TrustError
from rq_agent.broker.keypair import KeyPair, check_signature, key_id_of

RACER = """
import sys
from pathlib import Path
from rq_agent.broker.keypair import KeyPair
import cryptography.hazmat.primitives.serialization
print("ready", flush=True)
sys.stdin.readline()
for number in range(40):
    print(KeyPair.load_or_create(Path(sys.argv[1]) / str(number), "u@h").key_id)
"""


def test_the_first_use_makes_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "keys"

    pair = KeyPair.load_or_create(folder, "ada@lab")

    assert (folder / "ed25519").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == folder.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["ed25519", "ed25519.pub"]
    assert (folder / "ed25519.pub").read_text() == pair.public_line + "\n"


def test_a_later_use_finds_the_same_key(tmp_path: Path) -> None:
    first = KeyPair.load_or_create(tmp_path, "ada@lab")

    second = KeyPair.load_or_create(tmp_path, "ada@lab")

    assert second.key_id == first.key_id
    check_signature(first.public, b"message", second.sign(b"message"))


def test_the_public_line_names_the_key_and_stays_one_line(tmp_path: Path) -> None:
    pair = KeyPair.load_or_create(tmp_path, "ada\nlove@lab")

    kind, encoded, name = pair.public_line.split(" ", 2)

    assert (kind, name) == ("rqa-ed25519", "ada love@lab")
    assert key_id_of(base64.b64decode(encoded)) == pair.key_id
    assert len(pair.key_id) == 16


def test_a_signature_of_another_message_or_key_does_not_match(tmp_path: Path) -> None:
    ada = KeyPair.load_or_create(tmp_path / "ada", "ada@lab")
    eve = KeyPair.load_or_create(tmp_path / "eve", "eve@lab")

    with pytest.raises(TrustError, match="does not match"):
        check_signature(ada.public, b"other", ada.sign(b"message"))
    with pytest.raises(TrustError, match="does not match"):
        check_signature(ada.public, b"message", eve.sign(b"message"))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_key_that_others_can_use_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    KeyPair.load_or_create(tmp_path, "ada@lab")
    path = tmp_path / "ed25519"
    path.chmod(mode)

    with pytest.raises(TrustError, match=f"mode {mode:04o} .*chmod 600 {path}"):
        KeyPair.load_or_create(tmp_path, "ada@lab")


@pytest.mark.parametrize("content", [b"", b"garbage", b"\xff\0", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_that_holds_no_key_is_named_and_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ed25519"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(TrustError, match=f"{path}: not an unencrypted Ed25519 key"):
        KeyPair.load_or_create(tmp_path, "ada@lab")

    assert path.read_bytes() == content


@pytest.mark.parametrize("password", [None, b"secret"])
def test_a_key_of_another_kind_or_with_a_password_is_refused(
    tmp_path: Path, password: bytes | None
) -> None:
    path = tmp_path / "ed25519"
    locked = form.BestAvailableEncryption(password) if password else form.NoEncryption()
    private = rsa.generate_private_key(65537, 2048)
    path.write_bytes(private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, locked))
    path.chmod(0o600)

    with pytest.raises(TrustError, match="not an unencrypted Ed25519 key"):
        KeyPair.load_or_create(tmp_path, "ada@lab")


def test_a_folder_that_can_not_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(TrustError, match=r"signing key .*: Not a directory"):
        KeyPair.load_or_create(tmp_path / "file" / "keys", "ada@lab")


def test_the_private_half_shows_in_no_repr_and_no_error(tmp_path: Path) -> None:
    pair = KeyPair.load_or_create(tmp_path, "ada@lab")
    path = tmp_path / "ed25519"
    secret = path.read_text().splitlines()[1]
    path.write_text(f"-----BEGIN PRIVATE KEY-----\n{secret}\n")

    with pytest.raises(TrustError) as refused:
        KeyPair.load_or_create(tmp_path, "ada@lab")

    shown = [repr(pair), str(pair), str(refused.value), repr(refused.value.__context__)]
    frame = refused.value.__traceback__
    while frame:
        shown.append(repr(frame.tb_frame.f_locals))
        frame = frame.tb_next
    own = [text for text in shown if "secret" not in text]  # all frames but this test's
    assert len(own) == len(shown) - 1
    assert not [text for text in own if secret[8:] in text]


def test_threads_that_make_the_key_at_once_all_get_the_same(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    found: list[str] = []

    def use() -> None:
        barrier.wait(10)
        found.append(KeyPair.load_or_create(tmp_path / "keys", "ada@lab").key_id)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert len(found) == 8
    assert len(set(found)) == 1
    assert not list((tmp_path / "keys").glob(".new-*"))


def test_processes_that_make_the_key_at_once_all_get_the_same(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for racer in racers:
        assert racer.stdout is not None
        assert racer.stdout.readline() == "ready\n"

    outputs = [_released(racer) for racer in racers]

    first, second = (racer.communicate(timeout=60)[0].split() for racer in outputs)
    assert first == second
    assert len(set(first)) == 40


def _released(racer: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert racer.stdin is not None
    racer.stdin.write("\n")
    racer.stdin.flush()
    return racer
