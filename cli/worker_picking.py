"""Which workers a person means, by their names or by what they are."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from ..broker.errors import SelectorError, UsageError
from ..broker.presence import RESTING, Workers
from . import values
from .render.times import length

if TYPE_CHECKING:
    from ..broker.namespace import Namespace
    from ..broker.presence import WorkerView
    from .worker_options import WorkerFilter, WorkerPick

STATES: Final = ("idle", "busy", *RESTING)


def check_filter(wanted: "WorkerFilter") -> None:
    """Raise UsageError where the options name a state that is none, or a label without a name."""
    for state in wanted.state:
        if state not in STATES:
            near = get_close_matches(state.lower().replace(" ", "-"), STATES, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(STATES)}"
            raise UsageError(f"--state {state}: no state of a worker; {hint}")
    for label in wanted.label:
        values.check_names(label=label)
    values.check_names(queue=wanted.queue)


def check_pick(names: Sequence[str], pick: "WorkerPick") -> None:
    """Raise UsageError unless workers are either named or described."""
    check_filter(pick)
    if names and (pick.words or pick.everyone):
        raise UsageError("name workers or say which by options, not both")
    if pick.words and pick.everyone:
        raise UsageError(f"--all means every worker, {pick.words} only some; use one of them")
    if not names and not pick.words and not pick.everyone:
        raise UsageError("name workers, or say which: --all, --label, --host, --queue, --state")


def accepts(wanted: "WorkerFilter", worker: "WorkerView") -> bool:
    """Return whether a worker is one of those that the options mean. Pure."""
    return (
        (not wanted.state or worker.state in wanted.state)
        and (not wanted.queue or wanted.queue in worker.queues)
        and all(_has(worker, label) for label in wanted.label)
        and wanted.host in ("", worker.host, worker.host.partition(".")[0])
    )


def hint(wanted: "WorkerFilter", live: Sequence["WorkerView"]) -> str:
    """Return what may have been meant by a name that no worker has; empty: nothing near. Pure."""
    known = (
        ("queue", wanted.queue, {queue for worker in live for queue in worker.queues}),
        ("host", wanted.host, {worker.host for worker in live}),
        *(("label", label, _labels(live)) for label in wanted.label),
    )
    for what, name, names in known:
        if name and name not in names and (near := get_close_matches(name, sorted(names), n=1)):
            return f"no worker has the {what} {name}; did you mean {near[0]}?"
    return ""


async def named(namespace: "Namespace", names: Sequence[str]) -> list["WorkerView"]:
    """Return the live workers of some names, each once, in their order.

    Raises:
        SelectorError: one of them is not there.
    """
    live = {worker.name: worker for worker in await Workers(namespace).live()}
    for name in names:
        if name not in live:
            raise SelectorError(_missing(name, list(live), await Workers(namespace).gone()))
    return [live[name] for name in dict.fromkeys(names)]


def _missing(name: str, live: Sequence[str], gone: Sequence["WorkerView"]) -> str:
    for worker in gone:
        if worker.name == name:
            ago = "" if worker.beat_age_s is None else f" {length(worker.beat_age_s)} ago"
            return (
                f"worker {name} is gone: last heard of{ago} on {worker.host or 'an unknown host'};"
                " what it ran goes to others"
            )
    near = get_close_matches(name, live, n=1)
    hint = f"did you mean {near[0]}?" if near else "see rq-agent worker ls"
    return f"no live worker is named {name}; {hint}"


def _has(worker: "WorkerView", label: str) -> bool:
    name, has_value, value = label.partition("=")
    return name in worker.labels and (not has_value or worker.labels[name] == value)


def _labels(live: Sequence["WorkerView"]) -> set[str]:
    pairs = [pair for worker in live for pair in worker.labels.items()]
    return {name for name, _ in pairs} | {f"{name}={value}" for name, value in pairs}
