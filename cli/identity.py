"""Who submits, and the key that says so: made at first use, and trusted on this machine."""

import getpass
import os
import platform
import re
from typing import TYPE_CHECKING

from ..broker.keypair import KeyPair

if TYPE_CHECKING:
    from ..broker.home import Home


def user_name() -> str:
    """Return the name of the user, also where the user has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container with a number and no passwd entry
        return f"uid{os.getuid()}" if hasattr(os, "getuid") else "unknown"


def host_name() -> str:
    """Return the short name of this machine, fit for the name of a worker."""
    host = platform.node().split(".")[0]
    return re.sub(r"[^A-Za-z0-9_-]", "-", host)[:40].lstrip("-") or "worker"


def own_key(home: "Home") -> KeyPair:
    """Return the user's signing key; workers of this home run what it signed.

    Raises:
        TrustError: key or trust file can't be read, made, or kept from others.
    """
    from ..broker.trust import TrustFile

    pair = KeyPair.load_or_create(home.config / "keys", f"{user_name()}@{host_name()}")
    TrustFile(home.config / "trust.json").add(pair.public, pair.name, ["*"])
    return pair
