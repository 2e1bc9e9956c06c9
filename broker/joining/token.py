"""One-time tokens: `<id>.<secret>`, in an alphabet that is easy to read out and to type. Pure.

The id names the token's user on the server. The secret is its password: 130 random bits, then
two characters that tell most typing errors. Upper case, dashes and spaces don't matter.
"""

import hashlib
import hmac
import secrets
from typing import Final

from ..errors import UsageError

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Without i, l, o and u."""
USER_PREFIX: Final = "join-"
ID_LENGTH: Final = 6
_RANDOM_LENGTH: Final = 26
_CHECK_LENGTH: Final = 2
_SECRET_LENGTH: Final = _RANDOM_LENGTH + _CHECK_LENGTH
_GROUP: Final = 4
_LOOK_ALIKE: Final = str.maketrans("ilo", "110", "- \t\r\n")
_MAC_DOMAIN: Final = b"rq-agent join v1"


class Token:
    """One token. Shows its secret only when asked to."""

    def __init__(self, token_id: str, secret: str) -> None:
        self.id = token_id
        self._secret = secret

    @property
    def user(self) -> str:
        """The user that it logs in as."""
        return f"{USER_PREFIX}{self.id}"

    @property
    def password(self) -> str:
        """The password of that user."""
        return self._secret

    @property
    def text(self) -> str:
        """What is handed over: in groups."""
        groups = (self._secret[n : n + _GROUP] for n in range(0, _SECRET_LENGTH, _GROUP))
        return f"{self.id}.{'-'.join(groups)}"

    @property
    def password_sha256(self) -> str:
        """What the server stores of its password: hex."""
        return hashlib.sha256(self._secret.encode()).hexdigest()

    @property
    def mac_key(self) -> bytes:
        """Proves that requests are of who holds the token, and answers of the registrar."""
        return hmac.digest(self._secret.encode(), _MAC_DOMAIN, "sha256")

    def __repr__(self) -> str:
        return f"<Token {self.id}>"


def new() -> Token:
    """Return a new token."""
    token_id = _random(ID_LENGTH)
    secret = _random(_RANDOM_LENGTH)
    return Token(token_id, secret + _check(token_id, secret))


def parse(text: str) -> Token:
    """Return the token that a person typed or pasted.

    Raises:
        UsageError: it is none; does not repeat it.
    """
    if "://" in text:
        raise UsageError("that is the link, not the token: the token looks like abc123.wxyz-...")
    token_id, separator, secret = text.strip().lower().translate(_LOOK_ALIKE).partition(".")
    if not text.strip():
        raise UsageError("no token was given: whoever invited you has it, or makes a new one")
    if not separator or len(token_id) != ID_LENGTH or len(secret) != _SECRET_LENGTH:
        raise UsageError(
            f"the token is not whole: it has {ID_LENGTH} characters, a dot, and {_SECRET_LENGTH} more"
        )
    if not set(token_id + secret) <= set(ALPHABET):
        raise UsageError("the token has a character that can't be there: type it again")
    if secret[_RANDOM_LENGTH:] != _check(token_id, secret[:_RANDOM_LENGTH]):
        raise UsageError("there is a typing error in the token: type it again")
    return Token(token_id, secret)


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def _check(token_id: str, secret: str) -> str:
    digest = hashlib.sha256(f"{token_id}.{secret}".encode()).digest()
    return "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:_CHECK_LENGTH])
