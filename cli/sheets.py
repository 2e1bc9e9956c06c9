"""What of a task can be edited, as one plain value, and what lies between two of them. Pure."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..broker.clones import Changes

if TYPE_CHECKING:
    from ..broker.record import Record
    from ..broker.signed_task import SignedTask

_NEEDS: Final = ("gpus", "cpus", "mem_mib")


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One task, as far as it can be edited."""

    name: str
    queue: str
    priority: int
    labels: dict[str, str]
    arguments: tuple[str, ...] = ()
    params: dict[str, str] = {}
    env: dict[str, str] = {}
    timeout_s: float = 0.0
    grace_s: float = 0.0
    gpus: int = 0
    cpus: float = 0.0
    mem_mib: int = 0


def sheet_of(record: "Record", signed: "SignedTask | None") -> Sheet:
    """Return what can be edited of a task; `signed` None: only what needs no signature."""
    told = Sheet(
        name=record.name, queue=record.queue, priority=record.priority, labels=dict(record.labels)
    )
    if signed is None:
        return told
    return msgspec.structs.replace(
        told,
        arguments=signed.argv,
        params=dict(signed.params),
        env=dict(signed.env),
        timeout_s=signed.timeout_s,
        grace_s=signed.grace_s,
        **{name: getattr(signed.need, name) for name in _NEEDS},
    )


def changes_between(old: Sheet, new: Sheet) -> Changes:
    """Return what makes the new sheet of the old one; nothing in it where they are equal."""
    other = {
        name: getattr(new, name)
        for name in Sheet.__struct_fields__
        if getattr(new, name) != getattr(old, name)
    }
    given: dict[str, Any] = {
        name: other[name]
        for name in ("name", "queue", "priority", "timeout_s", "grace_s")
        if name in other
    }
    if "arguments" in other:
        given["argv"] = new.arguments
    if needs := {name: other[name] for name in _NEEDS if name in other}:
        given["needs"] = needs
    for name in ("params", "env", "labels"):
        before, after = getattr(old, name), getattr(new, name)
        given[name] = {k: v for k, v in after.items() if before.get(k) != v}
        given[f"without_{name}"] = tuple(k for k in before if k not in after)
    return Changes(**given)


def words_of(changes: Changes) -> str:
    """Return what changes name, e.g. `params.lr, priority`; empty where nothing changes."""
    nothing = Changes()
    plain = {"name": "", "queue": "", "priority": "", "timeout_s": "timeout", "grace_s": "grace"}
    plain["mem_limit_mib"] = "mem-limit"
    found = [
        shown or name
        for name, shown in plain.items()
        if getattr(changes, name) != getattr(nothing, name)
    ]
    found += ["arguments"] if changes.argv is not None else []
    found += [{"mem_mib": "mem"}.get(name, name) for name in changes.needs]
    for name in ("params", "env", "labels"):
        touched: Mapping[str, str] = getattr(changes, name)
        found += [f"{name}.{key}" for key in (*touched, *getattr(changes, f"without_{name}"))]
    return ", ".join(found)
