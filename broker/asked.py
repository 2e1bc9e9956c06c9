"""What a task was asked to do, as its envelope says: shown, never obeyed."""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from . import keys
from .envelope import MAX_BYTES, told
from .errors import TrustError
from .namespace import Namespace
from .record import Record
from .signed_task import Place
from .stored import stored_bytes

HIDDEN: Final = "***"
_SECRET: Final = re.compile(r"KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH", re.IGNORECASE)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """Arguments and limits of one task. Nothing of it was verified."""

    arguments: tuple[str, ...]
    env: dict[str, str]
    """Environment variables; what is likely a secret is hidden."""
    grace_s: float
    """Between SIGTERM and SIGKILL."""
    env_writable: bool
    mem_limit_mib: float = 0.0
    """Of all its processes together; 0: none."""
    exclusive: str = "keep"
    """What becomes of it when its lease can't be renewed: `keep` or `kill`."""
    not_after: int
    """Unix s; nobody starts it later."""
    call: str = ""
    """Arguments of its function: JSON, [[positional...], {named...}]; empty: none."""
    restart: str = "never"
    """After which ends it is started again: never, on-failure or always."""


async def asked(ns: Namespace, record: Record) -> Asked | None:
    """Return what a task in Redis was asked to do; None where that can't be read."""
    try:
        key = keys.arguments(ns.prefix, record.id)
        return read(await stored_bytes(ns.redis, key, most=MAX_BYTES), record, ns.name)
    except TrustError:
        return None


def read(envelope: bytes, record: Record, namespace: str) -> Asked | None:
    """Return what an envelope says; None where it says nothing."""
    if not 0 < len(record.definition) <= 64:
        return None
    task = told(envelope, Place(namespace, record.id, record.definition))
    if task is None:
        return None
    return Asked(
        arguments=task.argv,
        env=without_secrets(task.env),
        grace_s=task.grace_s,
        env_writable=task.env_writable,
        mem_limit_mib=task.mem_limit_mib,
        exclusive=task.exclusive,
        not_after=task.not_after,
        call=task.call,
        restart=task.restart,
    )


def without_secrets(variables: Mapping[str, str]) -> dict[str, str]:
    """Return variables, without the values of those whose names say that they are secret."""
    return {
        name: HIDDEN if value and _SECRET.search(name) else value
        for name, value in variables.items()
    }
