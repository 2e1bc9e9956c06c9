"""Labels of workers: what they were started with, and what was changed from afar."""

from collections.abc import Mapping, Sequence
from typing import Final

from .decoding import text
from .errors import UsageError
from .namespace import Namespace
from .new_task import check_labels
from .scripts import Argument

MAX_LABELS: Final = 32
"""Changed from afar: they travel with every beat."""
_NONE: Final[Mapping[str, str]] = {}


class WorkerLabels:
    """Changes labels of workers. They outlive a restart of the worker."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def change(
        self, worker: str, labels: Mapping[str, str] = _NONE, *, remove: Sequence[str] = ()
    ) -> dict[str, str] | None:
        """Set some labels of a worker and take others away, by their names.

        Returns:
            All that is changed of its labels now, see merged(); None: there is no such worker.

        Raises:
            UsageError: a label is not acceptable, or there would be too many.
        """
        check_labels(labels)
        check_labels(dict.fromkeys(remove, ""))
        pairs = [part for pair in labels.items() for part in pair]
        rest: list[Argument] = [MAX_LABELS, len(labels), *pairs, len(remove), *remove]
        code, changes = await self._ns.scripts.label_worker([worker, *rest])
        if code < 0:
            raise UsageError(f"worker {worker} would have more than {MAX_LABELS} labels")
        if not code:
            return None
        return {text(changes[n]): text(changes[n + 1]) for n in range(0, len(changes), 2)}


def merged(own: Mapping[str, str], changes: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of a worker, sorted by name. Pure.

    Args:
        own: what it was started with.
        changes: what Redis keeps: ``=<value>``, or anything else for one that is taken away.
    """
    given = {name: value[1:] for name, value in changes.items() if value.startswith("=")}
    kept = {name: value for name, value in own.items() if name not in changes}
    return dict(sorted((kept | given).items()))
