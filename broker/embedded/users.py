"""The users of the server: who runs it logs in too, and nobody else can but who was let in.

A server without users could not be opened to a network later: RESET on any connection, or `AUTH
default x`, would make its client the default user, who may everything.
"""

import hashlib
import re
import secrets
from collections.abc import Callable
from typing import Final

from .. import private_files
from ..roles import LOCAL, rules
from .layout import Layout

_DEFAULT: Final = "user default off resetpass resetkeys resetchannels -@all"
_OURS: Final = re.compile(rb"user\s+(?:default|local)(?:\s|$)")
_PASSWORD: Final = re.compile(rb"[0-9a-f]{64}\n?")


def prepare(layout: Layout, report: Callable[[str], None]) -> None:
    """Make password and users before the server starts; keep whom somebody else let in.

    A password that is gone or damaged is made anew: only who may read the file uses it.
    """
    password = _password(layout)
    if not layout.users.exists() and layout.version.exists() and password is not None:
        report(f"{layout.users} is gone: machines that joined must join again")
    if password is None:
        password = secrets.token_hex(32)
        private_files.write(layout.password, f"{password}\n".encode())
    before = layout.users.read_bytes() if layout.users.exists() else b""
    private_files.write(layout.users, with_own_users(before, password))


def with_own_users(text: bytes, password: str) -> bytes:
    """Return an ACL file whose users `default` and `local` are as we need them. Pure.

    All other lines stay as they are, also those that the server will not understand.
    """
    digest = hashlib.sha256(password.encode()).hexdigest()
    local = " ".join((f"user {LOCAL} on resetpass #{digest}", *rules(LOCAL, "")))
    others = [line for line in text.splitlines() if line.strip() and not _OURS.match(line.lstrip())]
    return b"".join(line + b"\n" for line in (_DEFAULT.encode(), local.encode(), *others))


def _password(layout: Layout) -> str | None:
    """Return the password that is stored, or None if there is none that may be used."""
    try:
        found = private_files.read(layout.password)
    except (FileNotFoundError, private_files.OpenToOthersError):
        return None
    return found.decode("ascii").strip() if _PASSWORD.fullmatch(found) else None
