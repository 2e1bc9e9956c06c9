"""From options, as they were written, to changes of tasks. Pure."""

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from ..broker.clones import Changes
from ..broker.errors import UsageError
from ..broker.names import check_queue
from ..broker.new_task import check_name
from . import labelling, values
from .change_options import ChangeOptions, CloneOptions
from .local_zone import local_zone
from .start_options import at_ms


def changes_of(options: ChangeOptions, *, environ: Mapping[str, str]) -> Changes:
    """Return the changes that the options ask for; raise UsageError for what can't be."""
    if options.queue:
        check_queue(options.queue)
    check_name(options.name)
    labels, without_labels = labelling.changes(options.label, "--label")
    params = values.pairs(options.set, "--set")
    if both := [name for name in options.unset if name in params]:
        raise UsageError(f"parameter {both[0]} can't be both set and unset")
    removed = [word for word in options.env if "=" not in word and word.endswith("-")]
    env = values.variables([word for word in options.env if word not in removed], environ)
    if both := [word[:-1] for word in removed if word[:-1] in env]:
        raise UsageError(f"variable {both[0]} can't be both set and removed")
    return Changes(
        queue=options.queue,
        priority=values.priority(options.priority) if options.priority else None,
        name=options.name,
        labels=labels,
        without_labels=without_labels,
        params=params,
        without_params=tuple(options.unset),
        env=env,
        without_env=tuple(word[:-1] for word in removed),
        timeout_s=values.duration_s(options.timeout, "--timeout") if options.timeout else None,
        grace_s=values.duration_s(options.grace, "--grace") if options.grace else None,
        mem_limit_mib=_limit_mib(options.mem_limit),
        needs=needs_of(options.gpus, options.cpus, options.mem),
    )


def _limit_mib(text: str) -> float | None:
    if not text:
        return None
    return 0.0 if text.strip() == "0" else values.size_mib(text, "--mem-limit")


def needs_of(gpus: str, cpus: str, mem: str) -> dict[str, float]:
    """Return the fields of a need that are written; raise UsageError for what is none."""
    needs: dict[str, float] = {}
    if gpus:
        needs["gpus"] = values.whole(gpus, "--gpus", least=0, most=1024)
    if cpus:
        is_none = cpus.strip() in ("0", "0.0")
        needs["cpus"] = 0.0 if is_none else values.number(cpus, "--cpus", most=65_536)
    if mem:
        needs["mem_mib"] = 0 if mem.strip() == "0" else values.size_mib(mem, "--mem")
    return needs


def applied(changes: Changes, later: Changes) -> Changes:
    """Return changes with others made on top of them; of `later`, what `edit` can change."""
    mappings = ("params", "env", "labels")
    merged: dict[str, Any] = {
        name: {**getattr(changes, name), **getattr(later, name)} for name in (*mappings, "needs")
    }
    for name in mappings:
        kept = [each for each in getattr(changes, f"without_{name}") if each not in merged[name]]
        merged[f"without_{name}"] = (*kept, *getattr(later, f"without_{name}"))
    for name in ("argv", "priority", "timeout_s", "grace_s", "mem_limit_mib"):
        if getattr(later, name) is not None:
            merged[name] = getattr(later, name)
    for name in ("queue", "name"):
        merged[name] = getattr(later, name) or getattr(changes, name)
    return structs.replace(changes, **merged)


def placed(
    changes: Changes,
    options: CloneOptions,
    *,
    is_draft: bool,
    environ: Mapping[str, str],
    now_ms: int,
) -> Changes:
    """Return changes with what is said of when a new task starts; raise UsageError."""
    if options.at and options.delay:
        raise UsageError("--at and --delay are two times to start at; give one of them")
    if is_draft and (options.at or options.delay):
        raise UsageError("a draft has no time to start at; give it to rq-agent enqueue")
    if not options.unique.isprintable():
        raise UsageError(f"--unique {options.unique!r}: use characters that can be printed")
    delay_s = values.duration_s(options.delay, "--delay") if options.delay else 0.0
    return structs.replace(
        changes,
        delay_ms=int(delay_s * 1000),
        at_ms=at_ms(options.at, zone=local_zone(environ), now_ms=now_ms) if options.at else 0,
        unique={"": None, "none": ""}.get(options.unique, options.unique),
        is_draft=is_draft,
    )
