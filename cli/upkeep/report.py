"""What `up` prints: what runs, where, and what to do next."""

from typing import TYPE_CHECKING, Any

import msgspec

from ...broker.errors import RqAgentError
from .. import exits
from . import logs
from .place import PartState, UpState
from .wanted import Wanted

if TYPE_CHECKING:
    from ..config import Settings
    from ..render.screen import Screen

_WIDTH = 11


def show(settings: "Settings", screen: "Screen", state: UpState | None, *, is_new: bool) -> int:
    """Print how it stands; return the exit code.

    Raises:
        RqAgentError: nothing is known: the supervisor is gone.
    """
    if state is None:
        raise RqAgentError("the supervisor has ended: see its log, up.log, and try again")
    if screen.json:
        screen.print_json(_as_json(state, is_new=is_new))
    else:
        for line in lines(state):
            screen.put(line)
        if not is_new:
            screen.say("it was running already; nothing has changed")
    troubled = [part for part in state.parts if part.problem and part.state != "running"]
    for part in troubled:
        screen.warn(_trouble(part))
    return exits.FAILED if troubled else exits.OK


def lines(state: UpState) -> list[str]:
    """Return one line for each thing that runs. Pure."""
    wanted = state.wanted
    parts = {part.name: part for part in state.parts}
    found = [_line("server", wanted.server or "embedded, in this user's data folder")]
    if part := parts.get("worker"):
        found.append(_line("worker", f"{wanted.worker_name}: {_worker(wanted)}{_state(part)}"))
    if part := parts.get("scheduler"):
        found.append(_line("scheduler", f"fires schedules, archives what ended{_state(part)}"))
    if part := parts.get("relay"):
        found.append(_line("listens", f"{wanted.listen}, TLS only{_state(part)}"))
    return found


def _worker(wanted: Wanted) -> str:
    slots = "1 slot" if wanted.slots == "1" else f"{wanted.slots} slots"
    names = wanted.queues.split(",")
    return f"{'queue' if len(names) == 1 else 'queues'} {', '.join(names)}; {slots}"


def _state(part: PartState) -> str:
    if part.state == "running":
        return ""
    if part.state == "stopping":
        return " (finishes its tasks first, then the new one starts)"
    return f" ({part.state})"


def _line(title: str, text: str) -> str:
    return f"{title:<{_WIDTH}}{text}"


def _trouble(part: PartState) -> str:
    from pathlib import Path

    said = logs.since(Path(part.log), 0)
    return f"the {part.name} {part.problem}; {part.log} says:\n{said}"


def _as_json(state: UpState, *, is_new: bool) -> dict[str, Any]:
    wanted = state.wanted
    return {
        "schema": 1,
        "changed": is_new,
        "pid": state.process.pid,
        "version": state.version,
        "server": wanted.server or "embedded",
        "namespace": wanted.namespace,
        "listen": wanted.listen,
        "parts": [_part(part) for part in state.parts],
    }


def _part(part: PartState) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(part)
    process = built.pop("process")
    return {**built, "pid": process["pid"] if process else None}
