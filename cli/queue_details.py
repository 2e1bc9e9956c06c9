"""Everything about one queue: gathered for `queue show`."""

import math
from typing import TYPE_CHECKING

from ..broker.errors import SelectorError, UsageError
from ..broker.names import check_queue
from ..broker.queue_details import QueueDetails, details_json, gather
from ..broker.statistics import KEPT_MINUTES
from . import values
from .config import Settings
from .reading import NOTHING_YET, look
from .render.queue_text import lines_of
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.namespace import Namespace


def show_queue(settings: Settings, screen: Screen, name: str, *, since: str) -> None:
    """Print one queue.

    Raises:
        SelectorError: there is none of this name.
        UsageError: statistics of that time are not kept.
    """
    check_queue(name)
    minutes = _minutes(since)

    async def find(namespace: "Namespace") -> QueueDetails | None:
        return await gather(namespace, name, minutes)

    if (details := look(settings, find, None)) is None:
        raise SelectorError(f"no queue is named {name}: {NOTHING_YET}")
    if screen.json:
        screen.print_json(details_json(details))
        return
    for line in lines_of(details):
        screen.put(line)


def _minutes(since: str) -> int:
    minutes = math.ceil(values.duration_s(since, "--since") / 60)
    if not 1 <= minutes <= KEPT_MINUTES:
        raise UsageError(f"--since {since}: say a time of at most {KEPT_MINUTES // 1440}d")
    return minutes
