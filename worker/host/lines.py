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
PART = 1 << 20
"""Characters of results and notes in a line, if it tells more than one end: what reads it takes
lines of 64 MiB at most."""
MOST_ENDS = 200
"""In a line."""
MOST_RESULT = 8 << 20
"""Characters of a result that are said; one of more than 1 MiB is not kept anyway, only its size."""


def line(*parts: Any) -> bytes:
    """Return one report; text that is no Unicode is replaced."""
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return f"{text}\n".encode("utf-8", "replace")


def done_lines(entries: Sequence[Sequence[Any]]) -> bytes:
    """Return the report of some ends: in several lines where they are many, or large."""
    lines: list[bytes] = []
    part: list[Sequence[Any]] = []
    size = 0
    for entry in entries:
        result = entry[4] or ""
        if len(result) > MOST_RESULT:
            entry = (*entry[:4], result[:MOST_RESULT], *entry[5:])
        own = len(result[:MOST_RESULT]) + len(entry[5])
        if part and (size + own > PART or len(part) >= MOST_ENDS):
            lines.append(line("done", part))
            part, size = [], 0
        part.append(entry)
        size += own
    if part:
        lines.append(line("done", part))
    return b"".join(lines)


def output_line(key: str, stream: str, offset: int, text: str) -> bytes:
    """Return the report of some output."""
    return f'["out",{quoted(key)},"{stream}",{offset},{quoted(text)}]\n'.encode()


def gap_line(key: str, stream: str, size: int) -> bytes:
    """Return the report of `size` bytes of output that were dropped."""
    return line("gap", key, stream, size)
