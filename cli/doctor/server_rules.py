"""What is good or bad about a server, in words. Pure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ...broker.server_checks import Verdict
from .finding import Finding, fail, ok, warn

if TYPE_CHECKING:
    from ...broker.server_checks import Check
    from ...broker.server_health import Health

_SLOW_MS: Final = 100.0
_CLOCK_WARN_MS: Final = 1_000.0
_CLOCK_FAIL_MS: Final = 60_000.0
_FULL_WARN: Final = 0.8
_FULL_FAIL: Final = 0.95
_OWN_LINES: Final = ("maxmemory-policy", "appendonly")


def findings(health: "Health") -> list[Finding]:
    """Return everything about a server that answers."""
    facts = health.facts
    return [
        reach(f"{facts.product} {facts.version}, {facts.role}", health.round_trip_ms),
        clock(health.clock_ahead_ms, health.round_trip_ms),
        persistence(facts.checks, saves=health.saves),
        memory(health.used_bytes, facts.max_memory_bytes, facts.policy),
        *settings(facts.checks),
    ]


def reach(what: str, round_trip_ms: float) -> Finding:
    """Judge how far away it is."""
    words = f"{what}, answers in {round_trip_ms:.1f} ms"
    if round_trip_ms > _SLOW_MS:
        return warn("redis", words, "above 100 ms every command feels slow: use a server nearer by")
    return ok("redis", words)


def clock(ahead_ms: float, round_trip_ms: float) -> Finding:
    """Judge how far the server's clock is ahead of this machine's, beyond what could be measured."""
    difference_ms = max(0.0, abs(ahead_ms) - round_trip_ms / 2)
    if difference_ms <= _CLOCK_WARN_MS:
        return ok("clock", "agrees with the server's")
    side = "behind" if ahead_ms > 0 else "ahead of"
    words = f"this machine's clock is {difference_ms / 1000:.1f} s {side} the server's"
    todo = "times that are shown and schedules are off by that; set it: timedatectl set-ntp true"
    return (fail if difference_ms > _CLOCK_FAIL_MS else warn)("clock", words, todo)


def persistence(checks: "Sequence[Check]", *, saves: bool) -> Finding:
    """Judge whether tasks survive the server's death."""
    check = next((c for c in checks if c.name == "appendonly"), None)
    if check is None or check.verdict is Verdict.UNKNOWN:
        return ok("persistence", f"not checked: {check.words if check else 'the server is mute'}")
    if "can't write" in check.words or not saves:
        return fail(
            "persistence",
            "the server can't write its files, so it may refuse new tasks and lose old ones",
            "see its log; often its disk is full",
        )
    if check.verdict is Verdict.WARN:
        return _of_check("persistence", check)
    return ok("persistence", "an append-only file, last write ok")


def memory(used_bytes: int, limit_bytes: int, policy: str) -> Finding:
    """Judge how full it is. Who evicts is refused before: no task may be thrown away."""
    used = _mib(used_bytes)
    if not limit_bytes:
        return warn(
            "memory",
            f"{used} used, no limit set",
            "a full machine ends the server; CONFIG SET maxmemory to what it may have",
        )
    part = used_bytes / limit_bytes
    words = f"{used} of {_mib(limit_bytes)} used ({part:.0%}), {policy}"
    if part < _FULL_WARN:
        return ok("memory", words)
    todo = "archive and purge finished tasks (rq-agent scheduler), or raise maxmemory"
    return (fail if part >= _FULL_FAIL else warn)("memory", words, todo)


def settings(checks: "Sequence[Check]") -> list[Finding]:
    """Return a line for each setting that is not as it should be, and one for all others."""
    others = [check for check in checks if check.name not in _OWN_LINES]
    found = [_of_check(c.name, c) for c in others if c.verdict is Verdict.WARN]
    unknown: dict[str, list[str]] = {}
    for check in others:
        if check.verdict is Verdict.UNKNOWN:
            unknown.setdefault(check.words, []).append(check.name)
    for words, names in unknown.items():
        name = names[0] if len(names) == 1 else "settings"
        found.append(ok(name, f"not checked: {words}"))
    good = sum(check.verdict is Verdict.OK for check in others)
    return [*found, ok("settings", f"{good} looked at are as they should be")] if good else found


def _of_check(name: str, check: "Check") -> Finding:
    """Return a check of the broker's, whose words end with what to do."""
    words, separator, todo = check.words.rpartition("; ")
    return warn(name, words, todo) if separator else warn(name, check.words, "")


def _mib(size_bytes: int) -> str:
    mib = size_bytes / 1024**2
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"
