"""Near names for a filter that accepts nothing: most often one of its names was mistyped."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from ..broker.lookups import Lookups
from ..broker.presence import Workers
from ..broker.queues import queue_names

if TYPE_CHECKING:
    from ..broker.listing import Filters
    from ..broker.namespace import Namespace

_RECENT: Final = 200
"""How many tasks users, names and labels are looked for in."""


async def hint(namespace: "Namespace", filters: "Filters") -> str:
    """Return what may have been meant by a name that nothing has; empty where all names exist."""
    records = (await Lookups(namespace).list(limit=_RECENT)).records
    labels = {part for r in records for k, v in r.labels.items() for part in (k, f"{k}={v}")}
    workers = {r.worker for r in records if r.worker}
    if filters.worker:
        workers |= {each.name for each in await Workers(namespace).live()}
    known: dict[str, Iterable[str]] = {
        "queue": await queue_names(namespace),
        "name": {r.name for r in records},
        "user": {r.user for r in records},
        "label": labels,
        "worker": workers,
    }
    found = (_near(what, getattr(filters, what), names) for what, names in known.items())
    return "; ".join(words for words in found if words)


def _near(what: str, wanted: str, known: Iterable[str]) -> str:
    names = sorted(known)
    if not wanted or wanted in names:
        return ""
    near = get_close_matches(wanted, names, n=3)
    meant = f": did you mean {' or '.join(near)}?" if near else ""
    return (
        f"no task has the {what} {wanted!r}{meant}"
        if near or what != "queue"
        else (f"there is no queue {wanted!r}; see rq-agent queue ls")
    )
