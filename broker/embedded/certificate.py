"""The server's own certificate, by which machines that join recognise it.

It signs itself and nothing else: a client trusts this one certificate, by its fingerprint, so
neither a name in it nor an authority above it counts.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from .. import private_files
from ..errors import BrokerRefused
from .layout import make_private
from .lock import locked

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate as X509

_LIFE: Final = timedelta(days=3652)
_CLOCKS_DIFFER_BY: Final = timedelta(days=30)
_LOCK_TIMEOUT_S: Final = 30.0
_NAME: Final = "rq-agent"


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate and where its files are."""

    pem_path: Path
    key_path: Path
    """Only its owner can read it."""
    der: bytes
    fingerprint: bytes
    """SHA-256 of `der`: 32 bytes."""


def ensure(folder: Path) -> Certificate:
    """Return the certificate of a folder; make folder, key and certificate when there is none.

    Raises:
        BrokerRefused: they can't be read, written or understood, others can read the key, or the
            certificate has expired.
    """
    try:
        make_private(folder, may_be_link=True)
        pem_path, key_path = folder / "relay.pem", folder / "relay.key"
        with locked(folder / "lock", timeout_s=_LOCK_TIMEOUT_S):
            if not pem_path.exists():  # a key without it was never shown to anybody
                _make(pem_path, key_path)
            return _load(pem_path, key_path)
    except OSError as e:
        raise BrokerRefused(f"the certificate in {folder}: {e}") from e


def _make(pem_path: Path, key_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    private_files.write(key_path, private)
    private_files.write(pem_path, _signed(key).public_bytes(form.Encoding.PEM))


def _signed(key: "EllipticCurvePrivateKey") -> "X509":
    """Return a certificate that also Python >= 3.13 accepts, which holds it to RFC 5280."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509 import oid

    name = x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, _NAME)])
    now, public = datetime.now(UTC), key.public_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (usage, True),
        (x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName([x509.DNSName(_NAME)]), False),
        (x509.SubjectKeyIdentifier.from_public_key(public), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False),
    ]
    builder = (
        x509.CertificateBuilder(name, name, public, x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER_BY)
        .not_valid_after(now + _LIFE)
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(key, hashes.SHA256())


def _load(pem_path: Path, key_path: Path) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

    renew = (
        f"to get a new one, move {pem_path.parent} away: every machine that joined must join again"
    )
    if not key_path.exists():
        raise BrokerRefused(f"the key of the certificate, {key_path}, is gone: restore it; {renew}")
    try:
        # No variable holds the key, so no report of an error with its variables shows it.
        public = load_pem_private_key(private_files.read(key_path), None).public_key()
        certificate = x509.load_pem_x509_certificate(pem_path.read_bytes())
    except (ValueError, TypeError):
        raise BrokerRefused(
            f"the certificate in {pem_path.parent} can't be read; {renew}"
        ) from None
    if certificate.public_key() != public:
        raise BrokerRefused(f"{key_path} is not the key of {pem_path}; {renew}")
    if certificate.not_valid_after_utc < datetime.now(UTC):
        raise BrokerRefused(f"the certificate {pem_path} has expired; {renew}")
    der = certificate.public_bytes(Encoding.DER)
    fingerprint = hashlib.sha256(der).digest()
    return Certificate(pem_path=pem_path, key_path=key_path, der=der, fingerprint=fingerprint)
