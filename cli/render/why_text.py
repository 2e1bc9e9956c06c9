"""Why a task waits, as text: one line for each reason, what to do below it. Pure."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .screen import printable

if TYPE_CHECKING:
    from ...broker.why import Why


def lines_of(why: "Why") -> Iterator[str]:
    """Return the lines of `why`."""
    place = f", position {why.position}" if why.position else ""
    state = why.state.replace("_", " ")
    yield printable(f"task {why.id}  {state}, queue {why.queue}{place}")
    for reason in why.reasons:
        yield f"  {printable(reason.text)}"
        if reason.hint:
            yield f"    -> {printable(reason.hint)}"
