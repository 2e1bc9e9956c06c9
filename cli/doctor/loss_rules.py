"""What is said of a server that came back with nothing. Pure."""

from typing import TYPE_CHECKING, Final

from ..render.times import length
from .finding import Finding, warn

if TYPE_CHECKING:
    from ...broker.replacement import Replacement

_TOLD_S: Final = 7 * 86_400
_NAMES: Final = {
    "queued": "queued",
    "delayed": "delayed",
    "waiting": "waiting or draft",
    "schedules": "schedules",
    "results": "results",
}


def loss(found: "Replacement | None", now_s: float) -> list[Finding]:
    """Return what was lost within the last week."""
    if found is None or now_s - found.at_ms / 1000 > _TOLD_S:
        return []
    before = found.before
    counts = {name: getattr(before, field) for field, name in _NAMES.items()}
    lost = [f"{count} {name}" for name, count in counts.items() if count]
    if (ran := before.running - found.recreated) > 0:
        lost.insert(0, f"{ran} running")
    words = f"since {length(now_s - found.at_ms / 1000)} this is another server, or its data went"
    words += f"; lost: {', '.join(lost)}" if lost else "; nothing else was there before"
    if found.recreated:
        tasks = "task was" if found.recreated == 1 else "tasks were"
        words += f"; {found.recreated} {tasks} made anew by workers that had them"
    older_s = max(0.0, (found.at_ms - found.known_ms) / 1000)
    if lost and older_s >= 1:
        words += f" (as counted {length(older_s)} before that)"
    todo = (
        "restore the server's append-only file from a backup, while it is stopped; else submit"
        " again (rq-agent archive ls) and add the schedules again"
    )
    return [warn("data", words, todo if lost else "")]
