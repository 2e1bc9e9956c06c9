"""The lines that a host says to its worker. Pure."""

from __future__ import annotations

import json
from json.encoder import encode_basestring as quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

OUTPUT = b'["out",'
"""How a line begins that may be dropped."""


def line(*parts: Any) -> bytes:
    """Return one report; text that is no Unicode is replaced."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n".encode("utf-8", "replace")


def done_line(entries: Sequence[Sequence[Any]]) -> bytes:
    """Return the report of some ends."""
    return line("done", entries)


def output_line(key: str, stream: str, offset: int, text: str) -> bytes:
    """Return the report of some output."""
    return f'["out",{quoted(key)},"{stream}",{offset},{quoted(text)}]\n'.encode()


def gap_line(key: str, stream: str, size: int) -> bytes:
    """Return the report of `size` bytes of output that were dropped."""
    return line("gap", key, stream, size)
