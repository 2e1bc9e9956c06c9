"""One output stream of one call: text in, reports out."""

from __future__ import annotations

import codecs
import time

from .lines import output_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reports import Reports

_MOST_CHARACTERS = 1 << 16
_LONGEST_PARTIAL = 1 << 13
PARTIAL_S = 0.2


class Output:
    """Lines are written through; what is not complete waits for its end, or for 0.2 s."""

    __slots__ = (
        "_decoder",
        "_is_wanted",
        "_key",
        "_name",
        "_offset",
        "_partial",
        "_reports",
        "_since",
        "_waits",
    )

    def __init__(
        self, reports: Reports, waits: set[Output], key: str, name: str, *, is_wanted: bool
    ) -> None:
        """`waits` is where an incomplete line is noted, for who flushes it in time."""
        self._is_wanted = is_wanted
        self._reports = reports
        self._waits = waits
        self._key = key
        self._name = name
        self._offset = 0
        self._partial = ""
        self._since = 0.0
        self._decoder: codecs.IncrementalDecoder | None = None

    def write(self, text: str) -> None:
        """Take some text. From any thread."""
        if not self._is_wanted:
            return
        with self._reports.lock:
            if self._partial:
                text = self._partial + text
                self._partial = ""
            end = text.rfind("\n") + 1
            if len(text) - end > _LONGEST_PARTIAL:
                end = len(text)
            if end:
                self._say(text[:end])
                self._waits.discard(self)
            if end < len(text):
                if end or self not in self._waits:
                    self._since = time.monotonic()
                    self._waits.add(self)
                self._partial = text[end:]

    def write_bytes(self, data: bytes) -> None:
        """Take some bytes, whose characters may be cut anywhere."""
        with self._reports.lock:
            if self._decoder is None:
                self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
            self.write(self._decoder.decode(data))

    def flush(self) -> None:
        """Say what there is."""
        with self._reports.lock:
            self._waits.discard(self)
            text, self._partial = self._partial, ""
            if text:
                self._say(text)

    def close(self) -> None:
        """Say what there is, half a character too."""
        if self._decoder is not None:
            self.write(self._decoder.decode(b"", final=True))
        self.flush()

    def flush_if_older(self, now: float) -> None:
        """Flush an incomplete line that has waited long enough."""
        if now - self._since >= PARTIAL_S:
            self.flush()

    def _say(self, text: str) -> None:
        for start in range(0, len(text), _MOST_CHARACTERS):
            part = text[start : start + _MOST_CHARACTERS]
            try:
                size = len(part) if part.isascii() else len(part.encode())
            except UnicodeEncodeError:  # lone surrogates
                part = part.encode("utf-8", "replace").decode()
                size = len(part.encode())
            offset, self._offset = self._offset, self._offset + size
            line = output_line(self._key, self._name, offset, part)
            self._reports.say_output(self._key, self._name, line, size)
