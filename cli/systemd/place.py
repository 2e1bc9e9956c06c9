"""Where units lie, whom they run as, and in which home."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from ...broker.errors import UsageError
from ...broker.home import Home
from .. import config, identity
from .units import Scope

_OF_SYSTEM: Final = Path("/etc/systemd/system")
_HOMES: Final = ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a unit runs as."""

    user: str
    home: Home
    uid: int
    gid: int
    variables: tuple[tuple[str, str], ...]
    """That lead its processes to that home."""


def folder_of(scope: Scope, environ: Mapping[str, str]) -> Path:
    """Return where units of a scope lie."""
    if scope == "system":
        return _OF_SYSTEM
    base = environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "systemd" / "user"


def scope_of(*, user: bool, system: bool) -> Scope:
    """Return the scope that was asked for.

    Raises:
        UsageError: none was, or both.
    """
    if user == system:
        raise UsageError(
            "say --user (for you alone, no root needed) or --system (from boot, by root)"
        )
    return "user" if user else "system"


def account_of(scope: Scope, run_as: str, environ: Mapping[str, str]) -> Account:
    """Return whom units of a scope run as.

    Raises:
        UsageError: there is no such user, or none was named.
    """
    if scope == "user":
        if run_as:
            raise UsageError("--run-as goes with --system: your own units run as you")
        return _own(environ)
    name = run_as or environ.get("SUDO_USER", "") or identity.user_name()
    if name == "root" and run_as != "root":
        raise UsageError(
            "say who runs it: --run-as USER (root only where tasks may do anything here)"
        )
    return _own(environ) if name == identity.user_name() else _other(name, environ)


def _own(environ: Mapping[str, str]) -> Account:
    named = [name for name in _HOMES if environ.get(name)]
    if environ.get("RQ_AGENT_HOME"):
        named = ["RQ_AGENT_HOME"]
    return Account(
        user=identity.user_name(),
        home=config.home_of(environ),
        uid=os.geteuid(),
        gid=os.getegid(),
        variables=tuple((name, str(Path(environ[name]).absolute())) for name in named),
    )


def _other(name: str, environ: Mapping[str, str]) -> Account:
    import pwd

    try:
        found = pwd.getpwnam(name)
    except KeyError as e:
        raise UsageError(f"--run-as {name}: this machine has no such user") from e
    folder = Path(found.pw_dir)
    variables: tuple[tuple[str, str], ...] = ()
    if environ.get("RQ_AGENT_HOME"):
        home = config.home_of(environ)
        variables = (("RQ_AGENT_HOME", str(home.config.parent)),)
    else:
        home = Home(
            config=folder / ".config/rq-agent",
            state=folder / ".local/state/rq-agent",
            cache=folder / ".cache/rq-agent",
            data=folder / ".local/share/rq-agent",
        )
    return Account(user=name, home=home, uid=found.pw_uid, gid=found.pw_gid, variables=variables)
