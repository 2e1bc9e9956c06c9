"""A JSON value that is not what an annotation asks for."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_JSON_NAMES = {"NoneType": "null", "dict": "object", "list": "array"}


class Mismatch(Exception):
    """Says what was wanted, what came, and where below the argument."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.place = ""

    def inside(self, step: str) -> Mismatch:
        """The same, seen from one level above: `[3]` or `.name`."""
        self.place = step + self.place
        return self


def wanted(what: str, got: Any) -> Mismatch:
    """Neither says the value: it may be a secret."""
    name = type(got).__name__
    return Mismatch(f"expected {what}, got {_JSON_NAMES.get(name, name)}")
