"""How it stands with what `up` keeps running."""

from ... import __version__
from ..config import Settings
from ..upkeep import place, processes
from ..upkeep.place import UpState
from .finding import Finding, ok, warn

_NAME = "up"


def look(settings: Settings) -> Finding:
    """Return the finding of this machine."""
    state = place.read_state(place.of(settings.home))
    return judged(state, is_alive=state is not None and processes.is_alive(state.process))


def judged(state: UpState | None, *, is_alive: bool) -> Finding:
    """Return what a state means. Pure.

    Args:
        state: as it was written last; None: `up` does not run, or was ended by `down`.
        is_alive: its supervisor lives.
    """
    if state is None:
        return ok(_NAME, "does not run here")
    if not is_alive:
        words = "has ended without `down`: it was killed, or this machine was restarted"
        return warn(_NAME, words, "start it again: rq-agent up")
    if state.server_problem:
        return warn(_NAME, f"the server can't be started: {state.server_problem}", "see there")
    for part in state.parts:
        if part.state in ("waiting", "failing"):
            words = f"the {part.name} {part.problem}, start {part.starts} is the last"
            return warn(_NAME, words, f"see {part.log}")
    if state.version != __version__:
        words = f"runs version {state.version}, this is {__version__}"
        return warn(_NAME, words, "rq-agent down, then rq-agent up")
    names = ", ".join(part.name for part in state.parts)
    return ok(_NAME, f"runs {names or 'the server'}, pid {state.process.pid}")
