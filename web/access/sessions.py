"""Who is logged in: kept in memory only, so that a restart logs everybody out."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

IDLE_S: Final = 24 * 3600
"""A session that was not used for so long is over. An open page uses it."""
MOST: Final = 200


class Sessions:
    """Sessions by the SHA-256 of their secret: the secret itself is only in the browser."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._used_s: OrderedDict[bytes, float] = OrderedDict()

    def open(self) -> str:
        """Return the secret of a new session. Beyond MOST the one that was idle longest ends."""
        secret = secrets.token_urlsafe(32)
        self._used_s[_digest(secret)] = self._clock()
        while len(self._used_s) > MOST:
            self._used_s.popitem(last=False)
        return secret

    def use(self, secret: str) -> bool:
        """Return whether a secret is one of a session that is not over."""
        digest, now_s = _digest(secret), self._clock()
        used_s = self._used_s.get(digest)
        if used_s is None:
            return False
        if now_s - used_s > IDLE_S:
            del self._used_s[digest]
            return False
        self._used_s[digest] = now_s
        self._used_s.move_to_end(digest)
        return True

    def close(self, secret: str) -> None:
        """End a session."""
        self._used_s.pop(_digest(secret), None)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
