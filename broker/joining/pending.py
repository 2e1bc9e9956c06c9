"""What a joiner asked for, kept until it has joined: who was cut off asks for the same again."""

import secrets
from pathlib import Path
from typing import Final

import msgspec

from .. import private_files
from ..errors import TrustError
from ..keypair import KeyPair, make_private_folder
from .link import JoinLink
from .request import Request, proven
from .token import Token

_PASSWORD_BYTES: Final = 32


class Asked(msgspec.Struct, frozen=True):
    """One request, as it is sent each time, and the password whose SHA-256 it names."""

    password: str
    content: bytes


class Pending:
    """A private file for one token on one server."""

    def __init__(self, folder: Path, link: JoinLink, token: Token) -> None:
        """`folder`: of files of joins that are not done; made if need be."""
        self._token_id = token.id
        self._path = folder / f"{link.role}.{token.id}.json"

    def load(self) -> Asked | None:
        """Return what was asked before, or None.

        Raises:
            TrustError: the file can't be read, or others can.
        """
        try:
            return msgspec.json.decode(private_files.read(self._path), type=Asked)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None
        except OSError as e:
            raise TrustError(f"{self._path}: {e.strerror or e}") from e

    def begin(self, *, name: str, link: JoinLink, pair: KeyPair) -> Asked:
        """Return what is asked: a new request with a new password, on the disk.

        Raises:
            TrustError: the file can't be written.
        """
        import hashlib

        password = secrets.token_hex(_PASSWORD_BYTES)
        digest = hashlib.sha256(password.encode()).hexdigest()
        request = Request(
            role=link.role,
            name=name,
            password_sha256=digest,
            key=pair.public_line,
            proof=pair.sign(proven(link.owner, self._token_id, digest)),
        )
        asked = Asked(password, msgspec.json.encode(request))
        try:
            make_private_folder(self._path.parent)
            private_files.write(self._path, msgspec.json.encode(asked))
        except OSError as e:
            raise TrustError(f"{self._path}: {e.strerror or e}") from e
        return asked

    def forget(self) -> None:
        """Remove the file: it is done."""
        self._path.unlink(missing_ok=True)
