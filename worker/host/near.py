"""Near names, for messages about something that does not exist."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_LISTED = 12


def hint(name: str, known: Iterable[str]) -> str:
    """The end of a message: what the caller may have meant, or what there is."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=2)
    if near:
        return "; did you mean " + " or ".join(map(repr, near)) + "?"
    if not names:
        return ""
    more = ", ..." if len(names) > _MOST_LISTED else ""
    return "; there is " + ", ".join(names[:_MOST_LISTED]) + more
