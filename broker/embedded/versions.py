"""Which server may take over from which, and read whose files. Pure."""

import re
from typing import Final

import msgspec

from ..server_facts import OLDEST, numbers

_BANNER: Final = re.compile(r"(Valkey|Redis) server v=(\S+)")
_BEFORE_THE_SPLIT: Final = (7, 2)
"""Valkey reads what Redis wrote up to this version; their file formats differ since."""


class ServerVersion(msgspec.Struct, frozen=True):
    """Product (`valkey` or `redis`) and version of a server."""

    product: str
    text: str

    def __str__(self) -> str:
        return f"{self.product} {self.text}"


def from_banner(text: str) -> ServerVersion | None:
    """Return what the output of `--version` says, or None if that is no server we know."""
    found = _BANNER.search(text)
    return ServerVersion(found[1].lower(), found[2]) if found else None


def is_new_enough(server: ServerVersion) -> bool:
    """Return whether a server has every command that our scripts use."""
    return numbers(server.text) >= OLDEST


def is_newer(server: ServerVersion, other: ServerVersion) -> bool:
    """Return whether server is a later version of the same product."""
    return server.product == other.product and numbers(server.text) > numbers(other.text)


def can_read(server: ServerVersion, writer: ServerVersion) -> bool:
    """Return whether server can load the files that writer left.

    Formats change with minor versions, never with patches.
    """
    written = numbers(writer.text)[:2]
    if server.product == writer.product:
        return numbers(server.text)[:2] >= written
    return server.product == "valkey" and written <= _BEFORE_THE_SPLIT
