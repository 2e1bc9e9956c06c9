"""One task as text: groups of names and values. Pure."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from . import words
from .groups import group, lines
from .screen import printable
from .times import clock, length, size

if TYPE_CHECKING:
    from ...broker.definition import Definition
    from ...broker.history import Step
    from ...broker.record import Record

_LISTED: Final = 20


def lines_of(
    record: "Record",
    steps: "Sequence[Step]",
    definition: "Definition | None",
    waits: str = "",
) -> Iterator[str]:
    """Return the lines of `show`; waits: why it does, or empty."""
    yield f"task {record.id}  {printable(record.name)}"
    yield from lines({**_state(record), "waits": waits})
    yield from group("times", _times(record))
    yield from group("parameters", _parameters(record))
    if definition is not None:
        yield from group("code", _code(definition))
        yield from group("environment", _environment(definition))
    if steps:
        yield "history"
        for step in steps:
            yield f"  {clock(step.at)}  {printable(step.event)} {printable(step.detail)}".rstrip()


def _state(record: "Record") -> dict[str, str]:
    place = f", position {record.position}" if record.position else ""
    priority = f", priority {record.priority}" if record.priority else ""
    return {
        "state": words.state(record),
        "exit code": "" if record.exit_code is None else str(record.exit_code),
        "queue": f"{record.queue}{place}{priority}",
        "worker": record.worker or "",
        "attempt": words.attempt(record),
        "retries": words.retries(record.retry),
        "lost": f"its worker was lost {record.lost} times" if record.lost else "",
        "needs": words.need(record.needs),
        "timeout": length(record.timeout_s) if record.timeout_s else "",
        "user": record.user,
        "labels": ", ".join(f"{name}={value}" for name, value in record.labels.items()),
    }


def _times(record: "Record") -> dict[str, str]:
    times = {
        "created": record.created_at,
        "queued": record.queued_at,
        "started": record.started_at,
        "finished": record.finished_at,
    }
    shown = {name: clock(at) for name, at in times.items() if at is not None}
    if record.started_at is not None:
        if record.queued_at is not None:
            shown["waited"] = length(record.started_at - record.queued_at)
        if record.finished_at is not None:
            shown["took"] = length(record.finished_at - record.started_at)
    return shown


def _parameters(record: "Record") -> dict[str, str]:
    """Return what the script used; a star marks what was overridden."""
    shown = {
        f"{'*' if name in record.params else ' '} {name}": value
        for name, value in record.used.items()
    }
    for name, value in record.params.items():
        if name not in record.used:
            shown[f"* {name}"] = f"{value} (asked for)"
    return shown


def _code(definition: "Definition") -> dict[str, str]:
    code = definition.code
    changes = " with changes" if code.dirty else ""
    branch = f" on {code.origin_branch}" if code.origin_branch else ""
    return {
        "script": f"{definition.entry.script} in {definition.entry.workdir}",
        "commit": f"{code.origin_commit[:12]}{branch}{changes}" if code.origin_commit else "",
        "repository": code.origin_url,
        "snapshot": f"{code.blob[:12]} ({size(code.size_bytes)})",
    }


def _environment(definition: "Definition") -> dict[str, str]:
    environment = definition.environment
    lines = environment.requirements
    more = f", ... ({len(lines)} in all)" if len(lines) > _LISTED else ""
    return {
        "python": environment.python,
        "source": environment.source,
        "packages": ", ".join(line.split(" --hash")[0] for line in lines[:_LISTED]) + more,
    }
