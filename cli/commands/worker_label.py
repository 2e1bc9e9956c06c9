"""`rq-agent worker label`."""

from typing import Annotated

import typer

from ..completion import worker_names
from ..options import Common


def worker_label(
    common: Common,
    name: Annotated[
        str,
        typer.Argument(
            metavar="WORKER",
            help="Name of the worker.",
            show_default=False,
            autocompletion=worker_names,
        ),
    ],
    labels: Annotated[
        list[str],
        typer.Argument(metavar="KEY=VALUE|KEY-", help="To set, or to remove.", show_default=False),
    ],
) -> None:
    """Set labels of a worker, or remove them. They stay when it is started again.

    They win over those of `work --label`.
    """
    from .. import config
    from ..render.screen import Screen
    from ..worker_labelling import label_worker

    settings = config.load(common)
    label_worker(settings, Screen(settings), name, labels)
