"""A schedule to test with, and whoever signs and fires it."""

import time
from pathlib import Path
from typing import Any

from rq_agent.broker import keys
from rq_agent.broker.cron_times import Missed
from rq_agent.broker.firing import DueSchedule, Fired, Firing
from rq_agent.broker.keypair import KeyPair
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.needs import Need
from rq_agent.broker.schedule import Schedule, settings_of
from rq_agent.broker.schedules import NewSchedule, Schedules
from rq_agent.broker.signed_task import SignedTask
from rq_agent.broker.tasks import DefinitionUpload
from rq_agent.broker.template import sign_template, template_id
from rq_agent.broker.trust import TrustFile

from . import steps

UPLOAD = DefinitionUpload(encoded=steps.ENCODED)
NEED = Need()


def someone(folder: Path, name: str = "ada") -> KeyPair:
    return KeyPair.load_or_create(folder / name, f"{name}@lab")


def trust(folder: Path, *pairs: KeyPair, queues: tuple[str, ...] = ("*",)) -> TrustFile:
    file = TrustFile(folder / "trust.json")
    for pair in pairs:
        file.add(pair.public, pair.name, queues)
    return file


def firing(ns: Namespace, folder: Path, *, name: str = "ada") -> Firing:
    """Return a scheduler that trusts ada and signs as `name`."""
    return Firing(ns, someone(folder, name), trust(folder, someone(folder)))


def template(ns: Namespace, pair: KeyPair, name: str = "nightly", **changes: Any) -> bytes:
    given: dict[str, Any] = {
        "namespace": ns.name,
        "task_id": template_id(name),
        "definition": steps.DIGEST,
        "argv": ("--full",),
        "not_after": int(time.time()) + 3_600,
        "user": "ada",
    }
    return sign_template(SignedTask(**(given | changes)), pair)


def new_schedule(
    ns: Namespace, pair: KeyPair, name: str = "nightly", **changes: Any
) -> NewSchedule:
    task = changes.pop("task", {})
    given: dict[str, Any] = {
        "name": name,
        "expression": "0 3 * * *",
        "zone": "Europe/Berlin",
        "missed": Missed.ONCE,
        "template": b"" if "template" in changes else template(ns, pair, name),
        "settings": settings_of(steps.new_task(name="train.py", **task)),
        "definition": steps.DIGEST,
        "user": "ada",
    }
    return NewSchedule(**(given | changes))


async def add(
    ns: Namespace, pair: KeyPair, name: str = "nightly", *, replaces: bool = False, **changes: Any
) -> Schedule:
    """Add a schedule."""
    new = new_schedule(ns, pair, name, **changes)
    return await Schedules(ns).add(new, UPLOAD, replaces=replaces)


async def come_due(ns: Namespace, name: str = "nightly", *, late_ms: int = 0) -> int:
    """Let the time of a schedule have come; return it."""
    due_ms = await steps.now_ms(ns) - late_ms
    await ns.redis.zadd(keys.schedules(ns.prefix), {name: due_ms})
    return due_ms


async def stored(ns: Namespace, name: str = "nightly") -> dict[str, str]:
    """Return the stored fields of a schedule, but the template."""
    raw: Any = await ns.redis.hgetall(keys.schedule(ns.prefix, name))
    raw.pop(b"template", None)
    return steps.decoded(raw)


async def next_ms(ns: Namespace, name: str = "nightly") -> float | None:
    return await steps.score(ns, keys.schedules(ns.prefix), name)


async def references(ns: Namespace) -> dict[str, str]:
    return steps.decoded(await ns.redis.hgetall(keys.references(ns.prefix)))


async def told(ns: Namespace) -> list[str]:
    """Return the names of the events about schedules."""
    return [e["event"] for e in await steps.events(ns) if e.get("schedule")]


async def look(scheduler: Firing) -> tuple[DueSchedule, int]:
    """Return the one schedule that is due, and when that was."""
    found = await scheduler.due()
    [due] = found.due
    return due, found.now_ms


async def fire(scheduler: Firing) -> Fired:
    return await scheduler.fire(*await look(scheduler))
