"""One task as text: groups of names and values. Pure."""

import shlex
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

import msgspec

from ...broker import call_arguments
from ...broker.runs import runs_of
from . import words
from .groups import group, lines
from .screen import printable
from .sub_worker_text import host_words
from .times import clock, length, size

if TYPE_CHECKING:
    from ...broker.asked import Asked
    from ...broker.definition import Definition, Entry
    from ...broker.history import Step
    from ...broker.links import Link, Links
    from ...broker.record import Record
    from ...broker.runs import Run
    from ...broker.task_details import TaskDetails

_LISTED: Final = 20
_LONGEST: Final = 500
"""Characters of a call."""
_BY: Final = frozenset({"claimed", "given_back", "lost", "readopted", "recreated"})
_CONDITIONS: Final = {"any": ", however it ends", "fail": ", if it fails"}


def lines_of(details: "TaskDetails") -> Iterator[str]:
    """Return the lines of `show`."""
    record, definition = details.record, details.definition
    yield f"task {record.id}  {printable(record.name)}"
    yield from lines(_state(details))
    yield from lines(_result(details))
    yield from group("times", _times(record, details.links))
    yield from group("parents", _links(details.links.parents))
    yield from group("children", _links(details.links.children))
    yield from group("parameters", _parameters(record))
    if definition is not None:
        yield from group("code", _code(definition, details.asked))
        yield from group("environment", _environment(definition, details.asked))
    yield from group("runs", _runs(runs_of(details.history, record.fence)))
    yield from _history(details.history)


def next_steps(details: "TaskDetails") -> Sequence[str]:
    """Return the commands that may come next, the most useful first."""
    record = details.record
    task_id = record.id
    if record.is_final and details.result_bytes:
        return (f"result {task_id}", f"logs {task_id}", f"rerun {task_id}")
    if record.is_final:
        return (f"logs {task_id}", f"rerun {task_id}", f"diff {task_id} OTHER")
    if record.state == "running":
        return (f"logs -f {task_id}", f"wait {task_id}", f"cancel {task_id}")
    if record.state == "draft":
        return (f"enqueue {task_id}", f"clone {task_id}")
    return (f"why {task_id}", f"logs -f {task_id}", f"move {task_id} --top", f"cancel {task_id}")


def _state(details: "TaskDetails") -> dict[str, str]:
    record, links = details.record, details.links
    place = f", position {record.position}" if record.position else ""
    priority = f", priority {record.priority}" if record.priority else ""
    limit = links.concurrency_limit or 1
    return {
        "state": words.state(record),
        "hangs": "" if record.hanging_since is None else f"since {clock(record.hanging_since)}",
        "waits": details.waits[0].text if details.waits else "",
        "exit code": "" if record.exit_code is None else str(record.exit_code),
        "queue": f"{record.queue}{place}{priority}",
        "worker": record.worker or "",
        "host": host_words(details.host) if details.host else "",
        "attempt": words.attempt(record),
        "retries": words.retries(record.retry),
        "restarts": words.restarts(record.retry),
        "isolation": words.isolation(record.isolation),
        "lost": f"its worker was lost {_times_over(record.lost)}" if record.lost else "",
        "needs": words.need(record.needs),
        "timeout": length(record.timeout_s) if record.timeout_s else "",
        **_ends(details.asked),
        "unique": links.unique,
        "together": f"{limit} of {links.concurrency_key} at a time"
        if links.concurrency_key
        else "",
        "user": record.user,
        "labels": ", ".join(f"{name}={value}" for name, value in record.labels.items()),
    }


def _ends(asked: "Asked | None") -> dict[str, str]:
    """Return what else ends it."""
    if asked is None:
        return {}
    limit_mib, is_killed = asked.mem_limit_mib, asked.exclusive == "kill"
    return {
        "mem limit": words.memory(limit_mib) if limit_mib else "",
        "exclusive": "killed when its lease can't be renewed" if is_killed else "",
    }


def _times_over(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _times(record: "Record", links: "Links") -> dict[str, str]:
    times = {
        "created": record.created_at,
        "not before": None if record.started_at else links.due_at,
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
    elif links.queue_timeout_s:
        shown["gives up"] = f"if it waits for longer than {length(links.queue_timeout_s)}"
    return shown


def _links(links: "Sequence[Link]") -> Iterator[tuple[str, str]]:
    for link in links[:_LISTED]:
        state = link.state.replace("_", " ") or "not in redis any more"
        name = f" {link.name}" if link.name else ""
        yield link.id, f"{state}{name}{_CONDITIONS.get(link.condition, '')}"
    if len(links) > _LISTED:
        yield "...", f"{len(links)} in all"


def _runs(runs: "Sequence[Run]") -> Iterator[tuple[str, str]]:
    """Return a line for each claim, where there was more than one."""
    for run in runs if len(runs) > 1 or (runs and runs[0].claim > 1) else ():
        took = "" if run.ended_at is None else f" after {length(run.ended_at - run.started_at)}"
        end = words.event(run.end) or "running"
        yield f"claim {run.claim}", f"{run.worker}, {clock(run.started_at)}: {end}{took}"


def _history(steps: "Sequence[Step]") -> Iterator[str]:
    """Return a line for each step: when, how long until the next one, what."""
    if steps:
        yield "history"
    for step, later in zip_longest(steps, steps[1:]):
        took = "" if later is None else length(later.at - step.at)
        yield printable(f"  {clock(step.at)}  {took:>7}  {_step(step)}")


def _step(step: "Step") -> str:
    if step.event == "phase":
        return step.detail
    by = " by" if step.event in _BY else ""
    detail = f" {step.detail}" if step.detail else ""
    reason = ":" if step.event == "release" and detail else ""
    return f"{words.event(step.event)}{reason}{by}{detail}"


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


def _code(definition: "Definition", asked: "Asked | None") -> dict[str, str]:
    code = definition.code
    changes = " with changes" if code.dirty else ""
    branch = f" on {code.origin_branch}" if code.origin_branch else ""
    entry = definition.entry
    return {
        "function": _function(entry, asked),
        "module": entry.module,
        "script": f"{entry.script} in {entry.workdir}",
        "arguments": shlex.join(asked.arguments) if asked else "",
        "commit": f"{code.origin_commit[:12]}{branch}{changes}" if code.origin_commit else "",
        "repository": code.origin_url,
        "snapshot": f"{code.blob[:12]} ({size(code.size_bytes)})",
    }


def _function(entry: "Entry", asked: "Asked | None") -> str:
    """Return a function as it is called: `ask(3, fast=true), a coroutine`."""
    if entry.function is msgspec.UNSET or not entry.function:
        return ""
    kind = "a coroutine" if entry.function.kind == "coroutine" else "a process"
    return f"{entry.function.name}({_call(asked)}), {kind}"


def _call(asked: "Asked | None") -> str:
    try:
        args, kwargs = call_arguments.decode(asked.call if asked and asked.call else "[[],{}]")
    except ValueError:
        return "?"
    named = [f"{name}={_json(value)}" for name, value in kwargs.items()]
    text = ", ".join([*(_json(value) for value in args), *named])
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _result(details: "TaskDetails") -> dict[str, str]:
    more = details.result_bytes - len(details.result.encode())
    cut = f"... ({size(details.result_bytes)} in all: rq-agent result {details.record.id})"
    return {"result": details.result + (cut if more > 0 else "")}


def _environment(definition: "Definition", asked: "Asked | None") -> dict[str, str]:
    environment = definition.environment
    lines = environment.requirements
    more = f", ... ({len(lines)} in all)" if len(lines) > _LISTED else ""
    return {
        "python": environment.python,
        "source": environment.source,
        "writable": "a copy of its own" if asked and asked.env_writable else "",
        "variables": ", ".join(f"{k}={v}" for k, v in asked.env.items()) if asked else "",
        "packages": ", ".join(line.split(" --hash")[0] for line in lines[:_LISTED]) + more,
    }
