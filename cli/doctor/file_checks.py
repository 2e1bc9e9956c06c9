"""Looks at the files that decide who may do what."""

import os
import stat
from pathlib import Path

from ...broker import urls
from ...broker.errors import RqAgentError, TrustError
from ...broker.keypair import PRIVATE_FILE, KeyPair
from ...broker.trust import TrustFile
from ..config import Settings
from ..config_file import FILE_NAME, read_file
from .finding import Finding, fail, ok, warn


def configuration(settings: Settings) -> Finding:
    """Is what the user configured kept from others. (That it can be read was seen before.)"""
    path = settings.home.config / FILE_NAME
    source = f"context {settings.context}" if settings.context else "a URL given outright"
    words = f"{source}, namespace {settings.namespace}"
    if not path.exists():
        return ok("config", f"{words}; no {FILE_NAME}")
    url = read_file(path).redis.url
    if url and _has_password(url) and _is_open(path):
        return fail("config", f"others can read the password in {path}", f"chmod 600 {path}")
    return ok("config", f"{words}; {path}")


def key(settings: Settings) -> Finding:
    """Can the user's signing key be used, and by the user alone."""
    folder = settings.home.config / "keys"
    if not (folder / PRIVATE_FILE).exists():
        return ok("key", "none yet: it is made with the first task")
    try:
        pair = KeyPair.load_or_create(folder, "")
    except TrustError as e:
        return fail("key", str(e))
    return ok("key", f"{pair.key_id} in {folder}")


def trust(settings: Settings) -> Finding:
    """Can the file be used that says whose tasks run here."""
    path = settings.home.config / "trust.json"
    if not path.exists():
        return ok("trust", "nobody yet: a worker trusts this user from its first start")
    try:
        count = len(TrustFile(path).keys())
    except RqAgentError as e:
        return fail("trust", str(e))
    if _is_open(path):
        return warn("trust", f"others can read {path}", f"chmod 600 {path}")
    return ok("trust", f"{count} key{'' if count == 1 else 's'} in {path}")


def _has_password(url: str) -> bool:
    address = urls.parse(url)
    return bool(address.password or address.sentinel_password)


def _is_open(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
