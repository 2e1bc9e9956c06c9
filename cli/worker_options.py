"""The options of commands that look at workers or tell them something."""

from dataclasses import dataclass, field
from typing import Annotated

import typer

from .completion import queue_names, worker_names

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="WORKER",
        help="Names of workers; or say which by options.",
        show_default=False,
        autocompletion=worker_names,
    ),
]


@dataclass(frozen=True)
class WorkerFilter:
    """Which workers."""

    state: Annotated[
        list[str],
        typer.Option(
            "--state",
            metavar="STATE",
            help="In this state: idle, busy, draining, paused, off-hours or disk-full; may be repeated.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    queue: Annotated[
        str,
        typer.Option(
            "-q",
            "--queue",
            metavar="NAME",
            help="Those that take from one queue.",
            show_default=False,
            autocompletion=queue_names,
        ),
    ] = ""
    label: Annotated[
        list[str],
        typer.Option(
            "-l",
            "--label",
            metavar="KEY[=VALUE]",
            help="With a label; may be repeated.",
            show_default=False,
        ),
    ] = field(default_factory=list)
    host: Annotated[
        str,
        typer.Option("--host", metavar="NAME", help="On one machine.", show_default=False),
    ] = ""

    @property
    def words(self) -> str:
        """Return what they say, as it was written; empty: all workers."""
        return " ".join(
            [
                *(f"--state {state}" for state in self.state),
                *([f"--queue {self.queue}"] if self.queue else []),
                *(f"--label {label}" for label in self.label),
                *([f"--host {self.host}"] if self.host else []),
            ]
        )


@dataclass(frozen=True)
class WorkerPick(WorkerFilter):
    """Which workers, where none is named."""

    everyone: Annotated[bool, typer.Option("--all", help="All workers.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show which workers fit.")] = False
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Don't ask.")] = False
