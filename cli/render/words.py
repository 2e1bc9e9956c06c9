"""What a task's state is called, and in which colour. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from ...broker import restarts as restart_rule
from ...broker import retries as retry_rule
from .screen import printable
from .times import length

if TYPE_CHECKING:
    from ...broker.needs import Need
    from ...broker.record import Record

STYLES: Final[Mapping[str, str]] = {
    "running": "cyan",
    "succeeded": "green",
    "failed": "red",
    "errored": "magenta",
    "timed_out": "red",
    "cancelled": "yellow",
    "expired": "yellow",
    "skipped": "yellow",
    "dead": "magenta",
}
_SELF_EVIDENT: Final = {"cancelled": "cancelled"}
_CELL: Final = 40


def short_state(record: "Record") -> str:
    """Return state and what explains it, in one cell of a table."""
    whole = state(record)
    return whole if len(whole) <= _CELL else whole[: _CELL - 3] + "..."


def state(record: "Record") -> str:
    """Return state and what explains it, e.g. `running (environment)`, `failed (exit 3)`."""
    name = record.state.replace("_", " ")
    if record.state == "running" and record.cancel_requested:
        return "running (stopping)"
    if record.state == "running" and record.hanging_since is not None:
        return "running (hangs)"
    if record.state == "running" and record.phase not in (None, "running"):
        return f"running ({record.phase})"
    reason = printable(record.reason)
    if reason and reason != _SELF_EVIDENT.get(record.state):
        return f"{name} ({reason})"
    return name


def event(name: str) -> str:
    """Return what happened to a task, of a name in its history."""
    return "given back" if name == "release" else name.replace("_", " ")


def need(need: "Need") -> str:
    """Return what a task needs, e.g. `1 GPU, 4 CPUs, 32.0 GiB`; empty for nothing."""
    parts = []
    if need.gpus:
        parts.append(f"{need.gpus} GPU{'s' if need.gpus > 1 else ''}")
    if need.light:
        parts.append("a service slot")
    if need.cpus:
        parts.append(f"{need.cpus:g} CPU{'s' if need.cpus > 1 else ''}")
    if need.mem_mib:
        parts.append(memory(need.mem_mib))
    return ", ".join(parts)


def memory(mib: float) -> str:
    """Return an amount of memory, e.g. `512 MiB` or `32.0 GiB`."""
    return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:g} MiB"


def attempt(record: "Record") -> str:
    """Return which try it is and how often it was claimed, e.g. `2 of 4 (claim 3)`."""
    policy = retry_rule.decode(record.retry)
    most = f" of {policy.retries + 1}" if policy else ""
    return f"{record.attempt}{most} (claim {record.fence})" if record.fence else ""


def retries(policy_text: str) -> str:
    """Return when a task is tried once more, e.g. `3 after errored or exit 75, 10.0s apart`."""
    if not policy_text or restart_rule.decode(policy_text):
        return ""
    if (policy := retry_rule.decode(policy_text)) is None:
        return f"malformed: {policy_text}"
    ends = [*sorted(policy.on), *(f"exit {code}" for code in policy.exit_codes)]
    delay = f"{length(policy.base_ms / 1000)} apart"
    if policy.backoff is retry_rule.Backoff.EXPONENTIAL:
        most = length(policy.cap_ms / 1000)
        delay = f"first after {length(policy.base_ms / 1000)}, then twice as long, at most {most}"
    return f"{policy.retries} after {' or '.join(ends)}, {delay}"


def restarts(policy_text: str) -> str:
    """Return when a service is started again, e.g. `always; 3 short runs in a row`."""
    if (policy := restart_rule.decode(policy_text)) is None:
        return ""
    runs = "1 short run" if policy.soon == 1 else f"{policy.soon} short runs in a row"
    when = "after every end" if policy.when == "always" else "when it fails"
    return f"{when}; {runs}" if policy.soon else when


def isolation(level: int) -> str:
    """Return from whom a light task is kept apart; empty: from nobody."""
    return _ISOLATION.get(level, "alone in its process" if level > 3 else "")


_ISOLATION: Final = {
    1: "at most 32 in its process, since one that it was in died",
    2: "at most 4 in its process, since those that it was in died",
    3: "alone in its process, since those that it was in died",
    4: "alone in its process, since it broke one that it shared",
}


def end(record: "Record", *, took: str) -> str:
    """Return one line about how a task ended."""
    where = f" on {printable(record.worker)}" if record.worker else ""
    after = f" after {took}" if took else ""
    return f"{state(record)}{after}{where}"
