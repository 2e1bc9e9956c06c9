"""The text of units. Pure, but for reading the templates.

No secret is ever in one: a unit names its server by a context, whose file only its owner reads.
"""

import shlex
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Final, Literal

import msgspec

Scope = Literal["user", "system"]
Kind = Literal["server", "worker"]

MARK: Final = "# Made by `rq-agent install`"
"""How a file of ours begins: others are never replaced or removed."""

_SYSTEM: Final = (
    "CapabilityBoundingSet=",
    "AmbientCapabilities=",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
)
_SERVER: Final = (
    "OOMScoreAdjust=-500",  # to lose the database is worse than to lose anything else here
    "PrivateDevices=yes",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHome=read-only",
    "ProtectProc=invisible",
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """One unit that somebody wants."""

    kind: Kind
    scope: Scope
    name: str
    """Of the unit, with its `.service`."""
    command: tuple[str, ...]
    what: str
    """For people: its context and queues."""
    variables: tuple[tuple[str, str], ...]
    """Of its environment; none is a secret."""
    user: str
    """Whom a unit of the system runs as."""
    folders: tuple[Path, ...]
    """What it writes to."""
    writable: tuple[Path, ...] = ()
    """What else a worker's tasks may write to; empty: all that their user may, but the system's."""
    drain_s: int
    prepare: tuple[str, ...] = ()
    """A command that root runs before the start of a worker; it may fail."""


def text_of(wanted: Wanted) -> str:
    """Return the text of a unit."""
    template = files(__package__).joinpath(f"{wanted.kind}.service").read_text("utf-8")
    is_system = wanted.scope == "system"
    network = ("After=network-online.target", "Wants=network-online.target")
    prepare = [f"ExecStartPre=-+{line(wanted.prepare)}"] if wanted.prepare else []
    return Template(template).substitute(
        name=wanted.name,
        scope="" if is_system else "--user ",
        what=wanted.what.replace("%", "%%"),
        after=_lines(network if is_system else ()),
        identity=_lines([f"User={wanted.user}"] if is_system else ()),
        environment=_lines(f"Environment={quoted(f'{n}={v}')}" for n, v in wanted.variables),
        prepare=_lines(prepare if is_system else ()),
        command=line(wanted.command),
        drain=f"{wanted.drain_s}s",
        hardening=_lines(_hardening(wanted) if is_system else ()),
        target="multi-user.target" if is_system else "default.target",
    )


def line(words: Sequence[str]) -> str:
    """Return words as a command of a unit."""
    first, *others = words
    return " ".join([quoted(first), *(quoted(word).replace("$", "$$") for word in others)])


def quoted(word: str) -> str:
    """Return a word as systemd reads it: quoted where need be, `%` and `\\` as themselves."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return word.replace("%", "%%") if escaped == word == shlex.quote(word) else f'"{escaped}"'


def _hardening(wanted: Wanted) -> list[str]:
    """Return what needs a mount name space or takes away rights: only the system's units can."""
    found = [rule for rule in _SYSTEM if wanted.user != "root" or "Capabilit" not in rule]
    if wanted.kind == "server":
        found += _SERVER
    elif not wanted.writable:
        return [*found, "ProtectSystem=full"]
    # Sockets whose path would be too long lie in /tmp.
    paths = [*wanted.folders, Path("/tmp"), *wanted.writable]
    listed = " ".join(quoted(str(path)) for path in paths)
    return [*found, "ProtectSystem=strict", f"ReadWritePaths={listed}"]


def _lines(lines: Iterable[str]) -> str:
    """Return lines as they follow another one."""
    return "".join(f"\n{each}" for each in lines)
