"""Which tasks the options of a command mean."""

import time
from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

from ..broker.errors import UsageError
from ..broker.ids import LENGTH, is_prefix
from ..broker.keys import TaskId
from ..broker.listing import Filters
from ..broker.states import TaskState
from . import identity, listing, values
from .config import variables
from .filter_options import Picked, WhereOptions
from .local_zone import local_zone
from .moments import past_s

FAILED: Final = (TaskState.FAILED, TaskState.ERRORED, TaskState.TIMED_OUT, TaskState.DEAD)
"""What `--failed` means: what went wrong, whoever is to blame; not what somebody cancelled."""
_KEYS: Final = ("queue", "name", "label", "state", "user", "worker")


def filters_of(options: Picked, usual: Collection[TaskState]) -> Filters:
    """Return what the options accept.

    Args:
        options: as they were given.
        usual: states that are meant where the options name none; empty: all.

    Raises:
        UsageError: a value that is none, or two that contradict each other.
    """
    fields, states = dict(options.fields), list(options.state)
    if isinstance(options, WhereOptions):
        for each in options.where:
            name, value = _condition(each)
            if name == "state":
                states.append(value)
                continue
            _only(fields, name, value, f"--where {each}")
    if options.mine:
        _only(fields, "user", identity.user_name(), "--mine")
    if options.failed and states:
        raise UsageError("--failed names states, and so does --state; use one of them")
    since = fields.pop("since", "")
    names = {name: fields.get(name, "") for name in ("queue", "label", "worker")}
    values.check_names(**names)
    named = listing.filters_of(queue="", states=states, user="", label="").states
    return Filters(
        states=FAILED if options.failed else named or tuple(usual),
        since_s=_since_s(since) if since else 0.0,
        **fields,
    )


def resumed(options: Picked) -> TaskId | None:
    """Return the task behind which to go on; raise UsageError where it is no whole id."""
    if not options.resume:
        return None
    if len(options.resume) != LENGTH or not is_prefix(options.resume):
        raise UsageError(f"--resume {options.resume}: write the whole id, as it was said")
    return TaskId(options.resume)


def _condition(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not value:
        raise UsageError(f"--where {text}: write it as --where queue=NAME")
    if not name:
        raise UsageError(f"--where {text}: say of what, like --where queue={value}")
    if name not in _KEYS:
        near = get_close_matches(name, _KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(_KEYS)}"
        raise UsageError(f"--where {text}: a task has no {name}; {hint}")
    return name, value


def _only(fields: dict[str, str], name: str, value: str, words: str) -> None:
    if fields.get(name, value) not in ("", value):
        raise UsageError(f"{words}: another {name} was named too, {fields[name]!r}")
    fields[name] = value


def _since_s(text: str) -> float:
    zone = local_zone(variables())
    return past_s(text, "--since", now_s=time.time(), zone=zone)
