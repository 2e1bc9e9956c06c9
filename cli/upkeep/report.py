"""What `up` prints: what runs, where, and how others come in."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from .. import exits
from ..render.footer import footer
from . import logs
from .listening import link_place, parse
from .place import PartState, UpState
from .wanted import Wanted, services

if TYPE_CHECKING:
    from ..render.screen import Screen
    from .invitations import Invitation

_WIDTH: Final = 11
_WHOSE: Final = {
    "worker": "a machine that shall run tasks",
    "submitter": "a person who shall submit tasks",
    "viewer": "a person who shall only look",
}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """All that `up` has to say."""

    state: UpState
    changed: bool
    page: str = ""
    """Address of the page in the browser; empty: none."""
    login: str = ""
    """The same, and it logs in, once."""
    invitations: Sequence["Invitation"] = ()


def show(screen: "Screen", told: Told) -> int:
    """Print how it stands; return the exit code."""
    if screen.json:
        screen.print_json(_as_json(told))
    else:
        for line in lines(told):
            screen.put(line)
        for line in notes(told):
            screen.say(line)
        footer(screen, next_steps(told))
    troubled = [part for part in told.state.parts if part.problem and part.state != "running"]
    for part in troubled:
        screen.warn(_trouble(part))
    return exits.FAILED if troubled else exits.OK


def lines(told: Told) -> list[str]:
    """Return what runs, then one block for each kind of machine that may join."""
    wanted = told.state.wanted
    parts = {part.name: part for part in told.state.parts}
    found = [_line("server", wanted.server or "embedded, in this user's data folder")]
    if part := parts.get("worker"):
        found.append(_line("worker", f"{wanted.worker_name}: {_worker(wanted)}{_state(part)}"))
    if part := parts.get("services"):
        found.append(
            _line("services", f"{wanted.services_name}: {_services(wanted)}{_state(part)}")
        )
    if part := parts.get("scheduler"):
        found.append(_line("scheduler", f"fires schedules, archives what ended{_state(part)}"))
    if part := parts.get("web"):
        found.append(_line("page", f"{told.login or told.page}{_state(part)}"))
    if part := parts.get("relay"):
        found.append(_line("listens", f"{wanted.listen}, TLS only{_state(part)}"))
    for invitation in told.invitations:
        found += ["", *_block(invitation)]
    return found


def notes(told: Told) -> list[str]:
    """Return what a person should know, also in a log."""
    wanted = told.state.wanted
    found = [] if told.changed else ["it ran already; nothing has changed"]
    if told.login:
        found.append("the link to the page opens it once, within ten minutes")
    if wanted.listen and _runs_tasks(wanted) and not wanted.server:
        found.append(
            "whoever submits to this machine's worker runs code as you, beside the server's keys: "
            "invite whom you trust with that, or use --no-worker here"
        )
    if told.invitations and not wanted.host_name:
        place, others = link_place(parse(wanted.listen), "")
        if place.host.startswith("127.") or place.host == "::1":
            found.append(f"{place.host} can be reached from this machine only")
        if others:
            found.append(
                f"the links name {place.host}; this machine has {', '.join(others)} too: "
                "rq-agent up --host-name NAME for another one"
            )
    return found


def moved(before: Wanted | None, now: Wanted) -> str:
    """Return what to warn of when the way in is another one than before; empty for most."""
    if before is None or not before.listen or before.listen == now.listen:
        return ""
    back = f"rq-agent up --listen {before.listen}"
    return f"{before.listen} is closed now: machines that joined there are cut off until  {back}"


def next_steps(told: Told) -> list[str]:
    """Return the next useful commands."""
    wanted = told.state.wanted
    if wanted.listen:
        return ["invite worker", "down"]
    services_too = ["submit --service bot.py"] if services(wanted) != "0" else []
    return [*(["run script.py"] if wanted.worker else []), *services_too, "down"]


def _block(invitation: "Invitation") -> list[str]:
    until = time.strftime("%a %H:%M", time.localtime(invitation.expires_at))
    return [
        f"{_WHOSE[invitation.role]}:",
        f"    rq-agent join '{invitation.link}'",
        f"    token (one use, until {until}): {invitation.token}",
    ]


def _worker(wanted: Wanted) -> str:
    slots = "1 slot" if wanted.slots == "1" else f"{wanted.slots} slots"
    names = wanted.queues.split(",")
    return f"{'queue' if len(names) == 1 else 'queues'} {', '.join(names)}; {slots}"


def _services(wanted: Wanted) -> str:
    count = services(wanted)
    slots = "1 service slot" if count == "1" else f"{count} service slots"
    return f"queue {wanted.services_queue}; {slots}"


def _runs_tasks(wanted: Wanted) -> bool:
    return wanted.worker or services(wanted) != "0"


def _state(part: PartState) -> str:
    match part.state:
        case "running":
            return ""
        case "stopping":
            return " (finishes its tasks first, then a new one starts)"
        case "stopped":
            return " (has left, as it was told)"
        case _:
            return f" ({part.state})"


def _line(title: str, text: str) -> str:
    return f"{title:<{_WIDTH}}{text}"


def _trouble(part: PartState) -> str:
    said = logs.since(Path(part.log), part.log_begin)
    return f"the {part.name} {part.problem}; {part.log} says:\n{said}"


def _as_json(told: Told) -> dict[str, Any]:
    state, wanted = told.state, told.state.wanted
    return {
        "schema": 1,
        "changed": told.changed,
        "pid": state.process.pid,
        "version": state.version,
        "server": wanted.server or "embedded",
        "namespace": wanted.namespace,
        "listen": wanted.listen,
        "page": told.page,
        "login": told.login,
        "parts": [_part(part) for part in state.parts],
        "invitations": msgspec.to_builtins(told.invitations),
    }


def _part(part: PartState) -> dict[str, Any]:
    built: dict[str, Any] = msgspec.to_builtins(part)
    process = built.pop("process")
    del built["log_begin"]
    return {**built, "pid": process["pid"] if process else None}
