"""The options of commands that do something with all tasks of a filter."""

from dataclasses import dataclass, field
from typing import Annotated

import typer

from .completion import queue_names, task_ids, worker_names

Tasks = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TASK",
        help="Ids, beginnings of them, names, or last; or say which by options.",
        show_default=False,
        autocompletion=task_ids,
    ),
]


def _option(*names: str, metavar: str | None = None, text: str) -> typer.models.OptionInfo:
    first, *others = names
    option: typer.models.OptionInfo = typer.Option(
        first, *others, help=text, metavar=metavar, show_default=False
    )
    return option


@dataclass(frozen=True)
class Picked:
    """Which tasks, where none is named: what no command means otherwise."""

    state: Annotated[
        list[str],
        _option("--state", metavar="STATE", text="All in this state; may be repeated."),
    ] = field(default_factory=list)
    failed: Annotated[
        bool, _option("--failed", text="All that failed, errored, timed out or died.")
    ] = False
    user: Annotated[str, _option("-u", "--user", metavar="NAME", text="All of one user.")] = ""
    mine: Annotated[bool, _option("--mine", text="All of mine.")] = False
    worker: Annotated[
        str,
        typer.Option(
            "--worker",
            metavar="NAME",
            help="All that run on one worker, or ran there last.",
            show_default=False,
            autocompletion=worker_names,
        ),
    ] = ""
    since: Annotated[
        str,
        _option(
            "--since",
            metavar="TIME",
            text="All that were made since: 2h (ago), 09:30, 2031-05-01.",
        ),
    ] = ""
    dry_run: Annotated[bool, _option("--dry-run", text="Only show the tasks that fit.")] = False
    yes: Annotated[bool, _option("-y", "--yes", text="Don't ask.")] = False
    resume: Annotated[
        str,
        _option(
            "--resume",
            metavar="ID",
            text="Go on behind this task, where the command said that it had stopped.",
        ),
    ] = ""

    @property
    def fields(self) -> dict[str, str]:
        """Return what must be so of a task, by the name of the option; empty: whatever."""
        return {"user": self.user, "worker": self.worker, "since": self.since}

    @property
    def are_given(self) -> bool:
        """Return whether they say which tasks."""
        return bool(self.words)

    @property
    def words(self) -> str:
        """Return what they say, as it was written."""
        flags = [name for name in ("failed", "mine") if getattr(self, name)]
        return " ".join(
            [
                *(f"--state {state}" for state in self.state),
                *(f"--{name}" for name in flags),
                *(f"--{name} {value}" for name, value in self.fields.items() if value),
            ]
        )


@dataclass(frozen=True)
class FilterOptions(Picked):
    """Which tasks, where none is named."""

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
    label: Annotated[
        str, _option("-l", "--label", metavar="KEY[=VALUE]", text="All with a label.")
    ] = ""
    name: Annotated[str, _option("-n", "--name", metavar="NAME", text="All of one name.")] = ""

    @property
    def fields(self) -> dict[str, str]:
        """Return what must be so of a task, by the name of the option; empty: whatever."""
        more = {"queue": self.queue, "label": self.label, "name": self.name}
        return {**more, **super().fields}


@dataclass(frozen=True)
class WhereOptions(Picked):
    """Which tasks, for commands whose --queue, --name and --label say what is to be changed."""

    where: Annotated[
        list[str],
        _option(
            "--where",
            metavar="KEY=VALUE",
            text="All with this queue, name, label (label=KEY, label=KEY=VALUE), state, user or "
            "worker; may be repeated.",
        ),
    ] = field(default_factory=list)

    @property
    def words(self) -> str:
        """Return what they say, as it was written."""
        return " ".join([*(f"--where {each}" for each in self.where), super().words]).strip()
