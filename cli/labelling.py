"""Labels as people write them, and commands that change those of tasks."""

from collections.abc import Sequence
from functools import partial

from ..broker.errors import UsageError
from ..broker.labels import Labels
from ..broker.new_task import check_labels
from . import values
from .acting import Deed, act
from .config import Settings
from .filter_options import FilterOptions
from .render.screen import Screen


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return which words name tasks, and which are labels: `team=vision`, or `team-` to remove.

    A task whose name looks like a label is named by its id.
    """
    labels = [word for word in words if "=" in word or (word.endswith("-") and word != "-")]
    return [word for word in words if word not in labels], labels


def changes(words: Sequence[str], option: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the labels of `KEY=VALUE` words and, to be removed, those of `KEY-` words.

    Raises:
        UsageError: a word is neither, or a label is named twice.
    """
    ending = [word for word in words if "=" not in word and word.endswith("-")]
    removed = tuple(word[:-1] for word in ending)
    pairs = values.pairs([word for word in words if word not in ending], option)
    check(pairs, removed)
    return pairs, removed


def check(pairs: dict[str, str], removed: Sequence[str]) -> None:
    """Raise UsageError unless labels can be set and removed so."""
    if both := [name for name in removed if name in pairs]:
        raise UsageError(f"label {both[0]} can't be both set and removed")
    check_labels(pairs)
    check_labels(dict.fromkeys(removed, ""))


def label_tasks(
    settings: Settings,
    screen: Screen,
    words: Sequence[str],
    options: FilterOptions,
    *,
    labels: Sequence[str],
    remove: Sequence[str],
) -> int:
    """Set and remove labels of tasks; return an exit code.

    Args:
        settings: of the command.
        screen: to print on.
        words: tasks, and labels beside them.
        options: which tasks, where none is named.
        labels, remove: as `--set` and `--remove` named them.

    Raises:
        UsageError: a label is not acceptable, or none is given.
    """
    selectors, beside = split(words)
    pairs, removed = changes([*labels, *beside], "--set")
    removed = (*removed, *remove)
    check(pairs, removed)
    if not pairs and not removed:
        raise UsageError("say which labels: key=value to set one, key- to remove it")
    deed = Deed(
        what="label", make=lambda ns: partial(Labels(ns).change_many, labels=pairs, remove=removed)
    )
    return act(settings, screen, selectors, options, deed)
