"""Puts drafts on queues."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from ..broker.drafts import Drafts, Placement
from ..broker.errors import UsageError
from ..broker.names import check_queue
from ..broker.states import TaskState
from . import values
from .acting import Deed, act
from .config import Settings
from .filter_options import FilterOptions
from .local_zone import local_zone
from .render.screen import Screen
from .start_options import at_ms


def placement_of(
    *,
    to: str,
    priority: str,
    delay: str,
    at: str,
    drops_parents: bool,
    replaces: bool,
    environ: Mapping[str, str],
) -> Placement:
    """Return where and when drafts are to wait; raise UsageError for what can't be."""
    if to:
        check_queue(to)
    if at and delay:
        raise UsageError("--at and --delay are two times to start at; give one of them")
    now_ms = time.time_ns() // 1_000_000
    return Placement(
        queue=to,
        priority=values.priority(priority) if priority else None,
        delay_ms=int(values.duration_s(delay, "--delay") * 1000) if delay else 0,
        at_ms=at_ms(at, zone=local_zone(environ), now_ms=now_ms) if at else 0,
        drops_parents=drops_parents,
        replaces=replaces,
    )


def enqueue_drafts(
    settings: Settings,
    screen: Screen,
    selectors: Sequence[str],
    options: FilterOptions,
    placement: Placement,
) -> int:
    """Enqueue drafts; return an exit code."""
    deed = Deed(
        what="enqueue",
        make=lambda ns: partial(Drafts(ns).enqueue_many, placement=placement),
        states=(TaskState.DRAFT,),
        next_steps=("logs -f", "why", "cancel"),
    )
    return act(settings, screen, selectors, options, deed)
