"""One-time login links.

A ticket is a file of the user's own, named by the SHA-256 of its token: whoever may write to the
folder may log in. Any process of the user makes one; the server removes it when it is used, and
removing is what decides between two who use it at once. No token is on disk, and none in an
address that a server or a log sees: it stands behind the `#`.
"""

import hashlib
import os
import re
import secrets
import time
from pathlib import Path
from typing import Final

VALID_S: Final = 600
_TOKEN: Final = re.compile(r"[A-Za-z0-9_\-]{43}", re.ASCII)


def new_token(folder: Path, *, now_s: float | None = None) -> str:
    """Return a token that logs in once, within ten minutes.

    Raises:
        OSError: the folder can't be written.
    """
    now_s = time.time() if now_s is None else now_s
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(folder, now_s)
    token = secrets.token_urlsafe(32)
    ticket = os.open(_ticket(folder, token), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(ticket, "w", encoding="ascii") as file:
        file.write(f"{now_s + VALID_S:.0f}")
    return token


def redeem(folder: Path, token: str, *, now_s: float | None = None) -> bool:
    """Return whether a token logs in, and make sure that it does not do so again."""
    if not _TOKEN.fullmatch(token):
        return False
    ticket = _ticket(folder, token)
    try:
        valid_until_s = float(ticket.read_text("ascii"))
        ticket.unlink()
    except (OSError, ValueError):  # never made, used by another request, not a ticket of ours
        return False
    return valid_until_s >= (time.time() if now_s is None else now_s)


def _ticket(folder: Path, token: str) -> Path:
    return folder / hashlib.sha256(token.encode("ascii")).hexdigest()


def _sweep(folder: Path, now_s: float) -> None:
    """Remove tickets that nobody used in time."""
    for ticket in folder.iterdir():
        try:
            if ticket.stat().st_mtime < now_s - VALID_S:
                ticket.unlink()
        except FileNotFoundError:
            continue
