"""Near names for a parameter that does not exist."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LISTED = 12


def normal(name: str) -> str:
    """The form in which names are compared: no leading dashes, underscores for dashes."""
    return name.lstrip("-").replace("-", "_")


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a message: what the caller may have meant, or what there is."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(normal(name), [normal(one) for one in names], n=2)
    if near:
        return "; did you mean " + " or ".join(map(repr, near)) + "?"
    if not names:
        return ""
    more = ", ..." if len(names) > _MOST_LISTED else ""
    return "; there is " + ", ".join(names[:_MOST_LISTED]) + more
