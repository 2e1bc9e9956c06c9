"""After every test: no key that keys.py does not know, none without the TTL that it states."""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import msgspec

from rq_agent.broker import keys
from rq_agent.broker.namespace import Namespace

NO_TTL: Final = frozenset(
    {
        *("task", "extra", "definition", "arguments", "history", "ids", "index"),
        *("ready", "ready_queues", "shapes", "queue", "queues", "queue_shapes", "ageing_queues"),
        *("leases", "running", "held", "delayed", "deadlines", "done", "dead", "references"),
        "unarchived",
        *("dependencies", "children", "resolve", "holders", "parked_tasks", "parked_keys"),
        *("unique", "schedules", "schedule", "scalars"),
        *("workers", "worker", "inbox", "interested", "listeners", "events", "globals_"),
        *("keyring", "keyring_copy", "join"),
    }
)
"""Keys that stay until a script removes them."""

TTL: Final = frozenset({"passes", "profile", "idle", "statistics", "command", "worker_labels"})
"""Keys that always have one."""

SOMETIMES: Final = frozenset({"blob", "log", "result"})
"""Keys that have one in some states, as their docstring says."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What keys.py states about one kind of key."""

    name: str
    pattern: re.Pattern[str]
    type: str


@cache
def rules() -> list[Rule]:
    """Return one rule for every function of keys.py that names a key."""
    return [_rule(name, function) for name, function in key_functions().items()]


def key_functions() -> Mapping[str, Callable[..., str]]:
    """Return the functions of keys.py that name a key: those that take a prefix first."""
    return {
        name: function
        for name, function in inspect.getmembers(keys, inspect.isfunction)
        if next(iter(inspect.signature(function).parameters)) == "p"
    }


def _rule(name: str, function: Callable[..., str]) -> Rule:
    count = len(inspect.signature(function).parameters) - 1
    key = function(keys.Prefix(""), *["*"] * count)
    parts = [re.escape(part) for part in key.split("*")]
    # The last part may hold anything: labels do.
    pattern = "[^:]*".join(parts[:-1]) + ".*" + parts[-1] if count else parts[0]
    return Rule(
        name=name,
        pattern=re.compile(pattern, re.DOTALL),
        type=(function.__doc__ or "").split(maxsplit=1)[0].strip(",.").lower(),
    )


async def check_no_leaks(ns: Namespace) -> None:
    """Fail if the namespace holds a key that it should not."""
    known = rules()
    found = [raw async for raw in ns.redis.scan_iter(match=f"{ns.prefix}*", count=1000)]
    pipe = ns.redis.pipeline(transaction=False)
    for raw in found:
        pipe.type(raw)
        pipe.pttl(raw)
    facts = await pipe.execute()
    for raw, kind, ttl_ms in zip(found, facts[0::2], facts[1::2], strict=True):
        if _text(kind) == "none":  # its time ran out, or its owner removed it, since it was found
            continue
        _check(_text(raw).removeprefix(ns.prefix), _text(kind), ttl_ms, known)


def _check(key: str, kind: str, ttl_ms: int, known: list[Rule]) -> None:
    rule = next((rule for rule in known if rule.pattern.fullmatch(key)), None)
    assert rule is not None, f"key {key} is not in keys.py"
    assert kind == rule.type, f"key {key} is a {kind}, keys.py says {rule.type}"
    assert not (rule.name in NO_TTL and ttl_ms != -1), f"key {key} has a TTL"
    assert not (rule.name in TTL and ttl_ms == -1), f"key {key} has no TTL"


def _text(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
