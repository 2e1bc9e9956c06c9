"""Changes labels of a worker, and says what it has then."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..broker.errors import SelectorError, UsageError
from ..broker.worker_labels import WorkerLabels, merged
from .labelling import changes
from .reading import NOTHING_YET, look
from .render.screen import Screen
from .worker_picking import named

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from .config import Settings


def label_worker(settings: "Settings", screen: Screen, name: str, words: Sequence[str]) -> None:
    """Set and remove labels.

    Args:
        settings: of the command.
        screen: to print on.
        name: of the worker.
        words: `key=value` to set, `key-` to remove.

    Raises:
        UsageError: a label is not acceptable.
        SelectorError: there is no such worker.
    """
    for word in words:
        if "=" not in word and not word.endswith("-"):
            raise UsageError(f"label {word}: write key=value to set it, {word}- to remove it")
    pairs, removed = changes(words, "label")

    async def change(namespace: "Namespace") -> dict[str, str] | None:
        [worker] = await named(namespace, [name])
        changed = await WorkerLabels(namespace).change(name, pairs, remove=removed)
        if changed is None:
            raise SelectorError(f"worker {name} has just gone")
        return merged(worker.labels, changed)  # its last beat may not know of them yet

    labels = look(settings, change, None)
    if labels is None:
        raise SelectorError(f"no live worker is named {name}: {NOTHING_YET}")
    if screen.json:
        screen.print_json({"schema": 1, "worker": name, "labels": labels})
        return
    listed = ", ".join(f"{key}={value}" if value else key for key, value in labels.items())
    screen.put(f"{name} {listed or 'has no labels'}")
