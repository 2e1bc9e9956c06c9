"""The key that signs tasks: made at first use, kept in a folder that only its owner can read."""

import base64
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from .errors import TrustError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

# `cryptography` is imported inside the functions: it costs 20 ms that `ps` need not pay.

PRIVATE_FILE: Final = "ed25519"
PUBLIC_FILE: Final = "ed25519.pub"
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_OPEN_TO_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def key_id_of(public: bytes) -> str:
    """Return the short name of a raw public key: 16 hex digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:16]


def check_signature(public: bytes, message: bytes, signature: bytes) -> None:
    """Raise TrustError unless the owner of a raw public key signed the message."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        raise TrustError(
            "signature does not match: the record was altered, or is of another task"
        ) from None


class KeyPair:
    """An Ed25519 key and the name of who owns it, `user@host`. Never shows its private half."""

    def __init__(self, private: "Ed25519PrivateKey", name: str) -> None:
        self._private = private
        self.name = name
        self.public = private.public_key().public_bytes_raw()
        self.key_id = key_id_of(self.public)

    @classmethod
    def load_or_create(cls, folder: Path, name: str) -> Self:
        """Return the key in a folder; make folder and key when there is none.

        Raises:
            TrustError: the key can't be read, written or understood, or others can read it.
        """
        path = folder / PRIVATE_FILE
        try:
            if not path.exists():
                make_private_folder(folder)
                _create(path, name)
            return cls(_load(path), name)
        except OSError as e:
            raise TrustError(f"signing key {path}: {e.strerror or e}") from e

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message: 64 bytes."""
        return self._private.sign(message)

    @property
    def public_line(self) -> str:
        """The public half as one line of text, to hand to whoever should trust it."""
        return f"rqa-ed25519 {base64.b64encode(self.public).decode()} {' '.join(self.name.split())}"

    def __repr__(self) -> str:
        return f"<KeyPair {self.key_id} of {self.name}>"


def make_private_folder(folder: Path) -> None:
    """Make a folder and its missing parents for their owner only; leave existing ones alone."""
    for path in (*reversed(folder.parents), folder):
        if not path.exists():
            path.mkdir(0o700, exist_ok=True)  # the mode of mkdir(parents=True) skips parents


def _create(path: Path, name: str) -> None:
    """Write a new key, or do nothing when another process was first."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")  # O_EXCL, mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(
                private.private_bytes(
                    form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
                )
            )
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)  # the key appears whole, and only where there is none yet
    except FileExistsError:
        return
    finally:
        os.unlink(temporary)
    path.with_name(PUBLIC_FILE).write_text(KeyPair(private, name).public_line + "\n", "utf-8")


def _load(path: Path) -> "Ed25519PrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        # No variable holds the bytes, so no report of an error with its variables shows them.
        private = load_pem_private_key(_read_private(path), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise TrustError(
            f"signing key {path}: not an unencrypted Ed25519 key in PEM form; restore it, "
            "or move it away to get a new key, which workers must then be told to trust"
        )
    return private


def _read_private(path: Path) -> bytes:
    with path.open("rb") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if os.name == "posix" and mode & _OPEN_TO_OTHERS:
            raise TrustError(
                f"signing key {path}: mode {mode:04o} lets others use it; run: chmod 600 {path}"
            )
        return file.read()
