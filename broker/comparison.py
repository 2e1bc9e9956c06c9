"""What is different between two tasks. Pure."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from .task_details import TaskDetails

_PACKAGE: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(.*)", re.DOTALL)


class Row(msgspec.Struct, frozen=True):
    """One thing, of both tasks; empty where one has none."""

    name: str
    a: str
    b: str

    @property
    def is_equal(self) -> bool:
        """Return whether both are the same."""
        return self.a == self.b


class Part(msgspec.Struct, frozen=True):
    """Things that belong together."""

    title: str
    rows: tuple[Row, ...]


Values = Mapping[str, str]


def compare(a: "TaskDetails", b: "TaskDetails", *, everything: bool = False) -> list[Part]:
    """Return what differs, in parts; with `everything` also what does not."""
    parts = [
        _part(title, left, right, everything=everything)
        for (title, left), (_, right) in zip(_parts(a), _parts(b), strict=True)
    ]
    return [part for part in parts if part.rows]


def _part(title: str, a: Values, b: Values, *, everything: bool) -> Part:
    rows = [Row(name, a.get(name, ""), b.get(name, "")) for name in {**a, **b}]
    kept = (row for row in rows if (row.a or row.b) and (everything or not row.is_equal))
    return Part(title, tuple(kept))


def _parts(details: "TaskDetails") -> "Iterator[tuple[str, Values]]":
    yield "state", _state(details)
    yield "parameters", {**details.record.params, **details.record.used}
    yield "arguments", _arguments(details)
    yield "variables", details.asked.env if details.asked else {}
    yield "code", _code(details)
    yield "environment", _environment(details)
    yield "packages", _packages(details)
    yield "needs", _needs(details)
    yield "labels", details.record.labels


def _state(details: "TaskDetails") -> Values:
    record = details.record
    took_s = None
    if record.started_at is not None and record.finished_at is not None:
        took_s = record.finished_at - record.started_at
    return {
        "name": record.name,
        "state": record.state,
        "reason": record.reason,
        "exit code": _text(record.exit_code),
        "took": "" if took_s is None else f"{took_s:.2f} s",
        "queue": record.queue,
        "priority": str(record.priority),
        "worker": record.worker or "",
        "claims": str(record.fence),
        "user": record.user,
    }


def _arguments(details: "TaskDetails") -> Values:
    if details.asked is None:
        return {"arguments": ""}
    asked = details.asked
    return {"arguments": shlex.join(asked.arguments), "call": asked.call}


def _code(details: "TaskDetails") -> Values:
    if (made_of := details.definition) is None:
        return {"definition": details.record.definition[:12]}
    code, entry = made_of.code, made_of.entry
    return {
        "function": entry.function.name if entry.function else "",
        "script": entry.script,
        "folder": entry.workdir,
        "commit": code.origin_commit[:12],
        "branch": code.origin_branch,
        "uncommitted": "changes" if code.dirty else "",
        "repository": code.origin_url,
        "snapshot": code.blob[:12],
    }


def _environment(details: "TaskDetails") -> Values:
    if (made_of := details.definition) is None:
        return {}
    environment = made_of.environment
    return {
        "executor": environment.executor,
        "python": environment.python,
        "source": environment.source,
        "indices": " ".join(environment.index_options),
        "writable": "yes" if details.asked and details.asked.env_writable else "",
    }


def _packages(details: "TaskDetails") -> Values:
    if (made_of := details.definition) is None:
        return {}
    return dict(sorted(map(_package, made_of.environment.requirements)))


def _package(line: str) -> tuple[str, str]:
    """Return the name of a requirement, and the rest without hashes."""
    wanted = line.partition(" --hash")[0].strip()
    found = _PACKAGE.fullmatch(wanted)
    if found is None:
        return wanted, "yes"
    name = re.sub(r"[-_.]+", "-", found[1]).lower()
    return name, found[2].strip() or "any"


def _needs(details: "TaskDetails") -> Values:
    need, record = details.record.needs, details.record
    return {
        "GPUs": str(need.gpus),
        "service slot": "1" if need.light else "",
        "CPUs": f"{need.cpus:g}",
        "memory": f"{need.mem_mib} MiB" if need.mem_mib else "",
        "timeout": f"{record.timeout_s:g} s" if record.timeout_s else "",
        "retries": record.retry,
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)
