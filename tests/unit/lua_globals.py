"""The names of globals that a Lua 5.1 chunk reads or writes, out of its bytecode."""

import struct
from typing import Any, Final

from lupa.lua51 import LuaRuntime  # type: ignore[import-untyped]

_HEADER_BYTES: Final = 12
_GETGLOBAL, _SETGLOBAL = 5, 7
_dump = LuaRuntime(encoding=None).eval(
    b"function(text) return string.dump(assert(loadstring(text))) end"
)


def globals_of(text: str) -> set[str]:
    """Return the names that no local of a chunk has.

    Raises:
        LuaError: it can't be compiled.
    """
    return _Reader(_dump(text.encode())).function()


class _Reader:
    """Reads bytecode, as lundump.c does, of this machine's own sizes."""

    def __init__(self, dumped: bytes) -> None:
        self._bytes, self._at = dumped, _HEADER_BYTES

    def function(self) -> set[str]:
        self._text()  # its source
        self._take("ii4x")
        code = [self._take("I") for _ in range(self._take("i"))]
        constants = [self._constant() for _ in range(self._take("i"))]
        used = (word >> 14 for word in code if word & 0x3F in (_GETGLOBAL, _SETGLOBAL))
        names = {constants[index].rstrip(b"\0").decode() for index in used}
        for _ in range(self._take("i")):
            names |= self.function()
        self._take(f"{4 * self._take('i')}x")  # lines
        for _ in range(self._take("i")):  # locals
            self._text()
            self._take("8x")
        for _ in range(self._take("i")):  # upvalues
            self._text()
        return names

    def _constant(self) -> bytes:
        kind = self._take("b")
        if kind in (1, 3):  # a boolean, a number
            self._take("x" if kind == 1 else "8x")
        return self._text() if kind == 4 else b""

    def _text(self) -> bytes:
        text: bytes = self._take(f"{self._take('N')}s")
        return text

    def _take(self, layout: str) -> Any:
        """Return the first field of a layout; 0 where it has none."""
        size = struct.calcsize(f"@{layout}")
        found = struct.unpack_from(f"@{layout}", self._bytes, self._at)
        self._at += size
        return found[0] if found else 0
