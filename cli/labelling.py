"""Labels tasks."""

from collections.abc import Sequence
from functools import partial

from ..broker.errors import UsageError
from ..broker.labels import Labels
from ..broker.new_task import check_labels
from . import values
from .acting import act
from .config import Settings
from .filter_options import FilterOptions
from .render.screen import Screen


def label_tasks(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    options: FilterOptions,
    *,
    labels: Sequence[str],
    remove: Sequence[str],
) -> int:
    """Set and remove labels of tasks; return an exit code.

    Raises:
        UsageError: a label is not acceptable, or none is given.
    """
    pairs = values.pairs(labels, "--set")
    if not pairs and not remove:
        raise UsageError("say which labels: --set key=value or --remove key")
    if both := [name for name in remove if name in pairs]:
        raise UsageError(f"label {both[0]} can't be both set and removed")
    check_labels(pairs)
    check_labels(dict.fromkeys(remove, ""))
    return act(
        settings,
        screen,
        selectors,
        options,
        what="label",
        make=lambda ns: partial(Labels(ns).change_many, labels=pairs, remove=remove),
    )
