"""Which archived task a person means. Blocks: call it in a thread."""

from typing import Final

from ..errors import SelectorError
from ..keys import TaskId
from ..listing import Filters
from .reading import Archive

_SHOWN: Final = 5


def find(archive: Archive, selector: str, *, user: str | None = None) -> TaskId | None:
    """Return the task of an id, a unique beginning of one, a name (its newest) or `last`.

    Args:
        archive: refreshed.
        selector: what a person typed.
        user: whose newest task `last` is; None: anyone's.

    Returns:
        None if it is none of the archive's.

    Raises:
        SelectorError: it is the beginning of several ids.
    """
    if selector == "last":
        return next(iter(archive.newest(Filters(user=user or ""), limit=1)), None)
    matches = archive.with_prefix(selector, limit=_SHOWN + 1)
    if len(matches) == 1:
        return matches[0]
    if named := archive.newest(Filters(name=selector), limit=1):
        return named[0]
    if matches:
        shown = ", ".join(matches[:_SHOWN]) + (", ..." if len(matches) > _SHOWN else "")
        raise SelectorError(
            f"{selector} is the beginning of several archived ids: {shown}; type more of it"
        )
    return None
