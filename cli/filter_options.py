"""The options of commands that do something with all tasks of a filter."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer

from .completion import queue_names, task_ids

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..broker.listing import Filters
    from ..broker.states import TaskState

Tasks = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TASK",
        help="Ids, beginnings of them, names, or last; or say which by options.",
        show_default=False,
        autocompletion=task_ids,
    ),
]


@dataclass(frozen=True)
class FilterOptions:
    """Which tasks, where none is named."""

    state: Annotated[
        list[str],
        typer.Option(
            "--state",
            metavar="STATE",
            help="All in this state; may be repeated.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="All of one queue.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = ""
    user: Annotated[
        str,
        typer.Option("-u", "--user", metavar="NAME", help="All of one user.", show_default=False),
    ] = ""
    label: Annotated[
        str,
        typer.Option(
            "-l", "--label", metavar="KEY[=VALUE]", help="All with a label.", show_default=False
        ),
    ] = ""
    name: Annotated[
        str,
        typer.Option("-n", "--name", metavar="NAME", help="All of one name.", show_default=False),
    ] = ""
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the tasks that fit.")] = (
        False
    )
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Don't ask.")] = False

    @property
    def are_given(self) -> bool:
        """Return whether they say which tasks."""
        return any((self.state, self.queue, self.user, self.label, self.name))

    @property
    def words(self) -> str:
        """Return what they say, as it was written."""
        named = {"queue": self.queue, "user": self.user, "label": self.label, "name": self.name}
        states = [f"--state {state}" for state in self.state]
        return " ".join([*states, *(f"--{name} {value}" for name, value in named.items() if value)])


def filters_of(options: FilterOptions, usual: "Collection[TaskState]") -> "Filters":
    """Return what the options accept.

    Args:
        options: as they were given.
        usual: states that are meant where the options name none; empty: all.

    Raises:
        UsageError: a state that is none.
    """
    import msgspec

    from . import listing

    filters = listing.filters_of(
        queue=options.queue, states=options.state, user=options.user, label=options.label
    )
    states = filters.states or tuple(usual)
    return msgspec.structs.replace(filters, name=options.name, states=states)
