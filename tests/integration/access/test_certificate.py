"""The server's own certificate, seen by real TLS."""

import hashlib
import socket
import ssl
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from rq_agent.broker.embedded import certificate
from rq_agent.broker.embedded.certificate import Certificate, ensure
from rq_agent.broker.errors import BrokerRefused


def test_it_is_made_once_and_its_key_is_private(tmp_path: Path) -> None:
    made = ensure(tmp_path / "tls")

    assert ensure(tmp_path / "tls") == made
    assert made.fingerprint == hashlib.sha256(made.der).digest()
    assert stat.S_IMODE(made.key_path.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.key_path.parent.stat().st_mode) == 0o700
    assert "PRIVATE" not in made.pem_path.read_text()
    assert sorted(path.name for path in (tmp_path / "tls").iterdir()) == [
        *("lock", "relay.key", "relay.pem")
    ]


def test_it_signs_nothing_else_and_lasts_ten_years(tmp_path: Path) -> None:
    parsed = x509.load_der_x509_certificate(ensure(tmp_path).der)

    assert not parsed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usage = parsed.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign) == (True, False)
    now = datetime.now(UTC)
    assert now + timedelta(days=3650) < parsed.not_valid_after_utc < now + timedelta(days=3660)
    assert parsed.not_valid_before_utc < now - timedelta(days=29)  # clocks may be wrong


@pytest.mark.parametrize("is_strict", [True, False])
@pytest.mark.parametrize("is_partial", [True, False])
def test_a_client_that_trusts_this_one_certificate_accepts_it(
    tmp_path: Path, is_strict: bool, is_partial: bool
) -> None:
    """Python 3.13 sets both flags; older ones neither."""
    made = ensure(tmp_path)
    flags = ssl.VERIFY_X509_TRUSTED_FIRST
    flags |= ssl.VERIFY_X509_STRICT if is_strict else flags
    flags |= ssl.VERIFY_X509_PARTIAL_CHAIN if is_partial else flags

    assert hashlib.sha256(seen_by_client(made, made, flags)).digest() == made.fingerprint


def test_a_client_that_trusts_another_one_refuses_it(tmp_path: Path) -> None:
    one, other = ensure(tmp_path / "one"), ensure(tmp_path / "other")

    with pytest.raises(ssl.SSLCertVerificationError):
        seen_by_client(one, other, ssl.VERIFY_X509_TRUSTED_FIRST)


def seen_by_client(of: Certificate, trusted: Certificate, flags: ssl.VerifyFlags) -> bytes:
    """Return the certificate of a server after a handshake with a client that trusts one."""
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(of.pem_path, of.key_path)
    asking = ssl.create_default_context(cafile=str(trusted.pem_path))
    asking.check_hostname = False
    asking.verify_flags = flags
    ours, theirs = socket.socketpair()

    def serve() -> None:
        with theirs:
            try:
                serving.wrap_socket(theirs, server_side=True).close()
            except ssl.SSLError:
                return

    with ThreadPoolExecutor() as pool, ours:
        pool.submit(serve)
        with asking.wrap_socket(ours, server_hostname="192.0.2.1") as client:
            found = client.getpeercert(binary_form=True)
    assert found is not None
    return found


def test_several_processes_at_once_make_one(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from rq_agent.broker.embedded.certificate import ensure;"
        "print(ensure(Path(sys.argv[1])).fingerprint.hex())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "tls")], stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]

    assert {each.communicate()[0].strip() for each in processes} == {
        ensure(tmp_path / "tls").fingerprint.hex()
    }


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    made.key_path.chmod(0o640)

    with pytest.raises(BrokerRefused, match=r"mode 0640 lets others use it; run: chmod 600 .*key"):
        ensure(tmp_path)


def test_a_key_that_is_gone_is_told(tmp_path: Path) -> None:
    ensure(tmp_path).key_path.unlink()

    with pytest.raises(BrokerRefused, match=r"relay\.key, is gone: restore it; to get a new one"):
        ensure(tmp_path)


@pytest.mark.parametrize("name", ["relay.key", "relay.pem"])
def test_a_damaged_file_is_told_and_not_shown(tmp_path: Path, name: str) -> None:
    ensure(tmp_path)
    (tmp_path / name).write_text("hunter2")

    with pytest.raises(BrokerRefused, match=r"can't be read; to get a new one, move .* away") as e:
        ensure(tmp_path)

    assert "hunter2" not in str(e.value)


def test_a_key_of_another_certificate_is_told(tmp_path: Path) -> None:
    one, other = ensure(tmp_path / "one"), ensure(tmp_path / "other")
    one.key_path.write_bytes(other.key_path.read_bytes())

    with pytest.raises(BrokerRefused, match=r"relay\.key is not the key of .*relay\.pem"):
        ensure(tmp_path / "one")


def test_one_that_has_expired_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificate, "_LIFE", timedelta(days=-1))

    with pytest.raises(BrokerRefused, match=r"has expired; to get a new one"):
        ensure(tmp_path)


def test_a_crash_between_key_and_certificate_is_mended(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    made.pem_path.unlink()

    assert ensure(tmp_path).fingerprint != made.fingerprint
