"""Makes output of others safe for a terminal: colours stay, what could steer it goes. Pure."""

import re
from typing import Final

_COLOUR: Final = re.compile(rb"\x1b\[[0-9;:]*m")
_SEQUENCE: Final = re.compile(
    rb"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: colours, moves, modes
    rb"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)"  # OSC and other strings: titles, clipboard
    rb"|\x1b[ -/]*[0-~]"  # two-byte sequences: resets, character sets
)
_UNFINISHED: Final = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?\Z|\xc2\Z"
)
_C1: Final = re.compile(rb"\xc2[\x80-\x9f]")
"""The same controls as one character of UTF-8; some terminals obey them."""
_CONTROLS: Final = bytes(c for c in range(32) if c not in b"\t\n\r\b\x1b") + b"\x7f"
_LONGEST: Final = 4096
"""An unfinished sequence that is longer is none."""


class EscapeFilter:
    """Filters one stream; a sequence may be spread over several chunks."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return what may be shown of the next bytes."""
        data = self._held + data
        self._held = b""
        if (cut := _UNFINISHED.search(data)) and len(data) - cut.start() <= _LONGEST:
            self._held, data = data[cut.start() :], data[: cut.start()]
        return _clean(data)

    def rest(self) -> bytes:
        """Return what may be shown of the end."""
        held, self._held = self._held, b""
        return _clean(held)


def _clean(data: bytes) -> bytes:
    kept = _SEQUENCE.sub(lambda m: m[0] if _COLOUR.fullmatch(m[0]) else b"", data)
    kept = kept.translate(None, _CONTROLS)
    kept = re.sub(rb"\x1b(?!\[[0-9;:]*m)", b"", kept)
    return _C1.sub(b"", kept)  # last: what goes before may have brought the two bytes together
