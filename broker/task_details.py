"""Everything about one task: what `show` and the dashboard tell."""

from typing import Any

import msgspec

from . import keys
from .asked import Asked, asked
from .decoding import text
from .definition import Definition
from .definitions import Definitions
from .errors import TaskNotFound, TrustError
from .history import Step, history
from .keys import TaskId
from .links import Links, links
from .lookups import Lookups
from .namespace import Namespace
from .record import Record, to_json
from .replies import kept
from .results import beginning
from .runs import runs_of
from .states import TaskState
from .why_workers import Reason
from .worker_hosts import HOSTS_FACT, Host, host_of, hosts_of


class TaskDetails(msgspec.Struct, frozen=True, kw_only=True):
    """One task, what it is made of, and what happened to it."""

    record: Record
    history: list[Step]
    definition: Definition | None
    """None when it can't be read."""
    waits: tuple[Reason, ...] = ()
    """Why it waits, the most important reason first; empty when it does not."""
    asked: Asked | None = None
    """Arguments and limits; None when they can't be read."""
    links: Links = Links()
    result: str = ""
    """The beginning of the JSON that a function returned; empty: it has not, or it is not kept."""
    result_bytes: int = 0
    """The whole of it."""
    host: Host | None = None
    """The process of its worker that runs it beside others, as the worker last told; None: in none,
    or not told."""
    is_archived: bool = False
    """It left Redis; this is what the archive has of it."""


async def gather(ns: Namespace, task_id: TaskId) -> TaskDetails:
    """Return all about one task that is in Redis.

    Raises:
        TaskNotFound: there is none of this id.
    """
    record = await Lookups(ns).record(task_id)
    try:
        definition = await Definitions(ns).get(record.definition)
    except TrustError:
        definition = None  # altered or gone: a worker will say so, the rest can be shown
    result, result_bytes = await beginning(ns, task_id) if record.is_final else ("", 0)
    return TaskDetails(
        record=record,
        history=await history(ns, task_id),
        definition=definition,
        waits=await _reasons(ns, record),
        asked=await asked(ns, record),
        links=await links(ns, task_id),
        result=result,
        result_bytes=result_bytes,
        host=await _host(ns, record, definition),
    )


def details_json(details: TaskDetails) -> dict[str, Any]:
    """Return them as plain values, with the version of this form."""
    made_of = details.definition
    return {
        "schema": 1,
        **to_json(details.record),
        "code": msgspec.to_builtins(made_of.code) if made_of else None,
        "entry": {"function": None, **msgspec.to_builtins(made_of.entry)} if made_of else None,
        "environment": msgspec.to_builtins(made_of.environment) if made_of else None,
        "asked": msgspec.to_builtins(details.asked),
        "links": msgspec.to_builtins(details.links),
        "runs": msgspec.to_builtins(runs_of(details.history, details.record.fence)),
        "result": details.result,
        "result_bytes": details.result_bytes,
        "host": _host_json(details.host),
        "archived": details.is_archived,
        "waits": msgspec.to_builtins(details.waits),
        "history": msgspec.to_builtins(details.history),
    }


async def _host(ns: Namespace, record: Record, definition: Definition | None) -> Host | None:
    """Return the host of a function that runs."""
    is_function = definition is not None and bool(definition.entry.function)
    if record.state != TaskState.RUNNING or not record.worker or not is_function:
        return None
    pipe = ns.redis.pipeline(transaction=False)
    pipe.hget(keys.worker(ns.prefix, record.worker), HOSTS_FACT)
    [reply] = await pipe.execute(raise_on_error=False)
    told = text(kept(reply, None) or b"[]")
    return host_of(record.id, hosts_of({HOSTS_FACT: told}))


def _host_json(host: Host | None) -> dict[str, Any] | None:
    """Return it without the other tasks in it."""
    if host is None:
        return None
    told = msgspec.to_builtins(host)
    del told["newest"]
    return {**told, "is_mem_shared": host.is_shared}


async def _reasons(ns: Namespace, record: Record) -> tuple[Reason, ...]:
    if record.is_final or record.state == TaskState.RUNNING:
        return ()
    try:
        return (await Lookups(ns).why(record.id)).reasons
    except TaskNotFound:
        return ()  # its record is none, or was purged just now
