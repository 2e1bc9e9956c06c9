"""What a server's own words and settings mean for tasks that must not get lost. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from .server_rules import RULES

ATTACKED_SCRIPTS: Final[Mapping[str, Mapping[tuple[int, ...], int]]] = {
    "redis": {(6, 2): 20, (7, 2): 11, (7, 4): 6, (8, 0): 4, (8, 2): 2},
    "valkey": {(8, 0): 6, (8, 1): 4},
}
"""CVE-2025-49844, a script that runs code in the server: the release that ended it, by line."""
_CVE: Final = "CVE-2025-49844"
_SHOWN: Final = 3


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    UNKNOWN = "unknown"
    """The server does not say, or does not let us ask."""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One property of a server."""

    name: str
    """A setting of the server, or `version`."""
    verdict: Verdict
    words: str = ""
    """What is wrong and what to do; empty when it is ok."""


def warn(name: str, words: str) -> Check:
    """Return a check that something may be lost over."""
    return Check(name=name, verdict=Verdict.WARN, words=words)


def unknown(name: str, words: str) -> Check:
    """Return a check that could not be made."""
    return Check(name=name, verdict=Verdict.UNKNOWN, words=words)


def unknown_lines(checks: Iterable[Check]) -> list[str]:
    """Return what could not be checked, one line for all that have the same reason."""
    names: dict[str, list[str]] = {}
    for check in checks:
        if check.verdict is Verdict.UNKNOWN:
            names.setdefault(check.words, []).append(check.name)
    return [f"not checked: {_named(same)}: {words}" for words, same in names.items()]


def _named(names: Sequence[str]) -> str:
    """Return few names as they are: nobody reads many each time that a worker starts."""
    return ", ".join(names) if len(names) <= _SHOWN else f"{len(names)} settings of the server"


def told_checks(said: Mapping[str, str], product: str, version: tuple[int, ...]) -> list[Check]:
    """Judge what INFO says.

    Args:
        said: the reply.
        product: `redis` or `valkey`.
        version: its own, not the version of Redis that a Valkey is compatible with.
    """
    return [_version(product, version), _policy(said), _persistence(said)]


def setting_checks(settings: Mapping[str, str] | None, replicas: int) -> list[Check]:
    """Judge what CONFIG GET says.

    Args:
        settings: by their names; those that this version does not know are left out. None: it
            may not be asked.
        replicas: that are connected.
    """
    if settings is None:
        refused = (
            "CONFIG GET is not allowed here; `rq-agent doctor` by whoever runs the server tells"
        )
        return [unknown(name, refused) for name in RULES]
    old_name = {"hash-max-ziplist-value"} if "hash-max-listpack-value" in settings else set()
    return [
        Check(name=name, verdict=Verdict.WARN if words else Verdict.OK, words=words)
        for name, rule in RULES.items()
        if name in settings and name not in old_name
        for words in [rule(settings[name], replicas)]
    ]


def _version(product: str, version: tuple[int, ...]) -> Check:
    lines = ATTACKED_SCRIPTS[product]
    line, patch = version[:2], (*version, 0, 0, 0)[2]
    if line > max(lines) or patch >= lines.get(line, 10**9):
        return Check(name="version", verdict=Verdict.OK)
    # Distributions mend old releases under their old numbers, so this is no proof.
    fixed = f"{line[0]}.{line[1]}.{lines[line]}" if line in lines else "a later line"
    return unknown(
        "version",
        f"{product} {'.'.join(map(str, version))} has {_CVE} (a script can run code in the server) "
        f"unless your distribution mended it; the project's own fix is in {fixed}",
    )


def _policy(said: Mapping[str, str]) -> Check:
    name = "maxmemory-policy"
    if (policy := said.get("maxmemory_policy")) is None:
        return unknown(name, "INFO does not say it: it has to be noeviction")
    if policy != "noeviction":
        return warn(name, f"the server may evict tasks: its maxmemory-policy is {policy}")
    return Check(name=name, verdict=Verdict.OK)


def _persistence(said: Mapping[str, str]) -> Check:
    name = "appendonly"
    if (enabled := said.get("aof_enabled")) is None:
        return unknown(name, "INFO does not say it: without an append-only file tasks get lost")
    if enabled != "1":
        return warn(
            name,
            "the server keeps no append-only file: tasks of the last minutes are lost when it "
            "dies; CONFIG SET appendonly yes",
        )
    if said.get("aof_last_write_status", "ok") != "ok":
        return warn(name, "the server can't write its append-only file: see its log")
    return Check(name=name, verdict=Verdict.OK)
