"""What claim.lua and finish.lua are told, and what the first one answers."""

from collections.abc import Sequence
from typing import Any, Final

from . import retention
from .claims import MOST_ISOLATED, Claim, Claimed, Finish, Rare
from .decoding import text, whole
from .keys import TaskId
from .orders import Order
from .scripts import Argument

MAX_ENVELOPE_BYTES: Final = 256 * 1024
"""A larger one is not even sent to the worker."""
MAX_RESULT_BYTES: Final = 1024 * 1024
"""A larger result is not kept, only its size: large things are artifacts."""
_RARE: Final = Rare()
_REST: Final = (b"",) * 13


def claim_arguments(
    worker: str,
    nonce: str,
    *,
    limit: int,
    order: Order,
    shapes: Sequence[str],
    lease_ms: int,
    profile: str,
) -> list[Argument]:
    """Return the arguments of claim.lua; see `Leases.claim`."""
    return [
        worker,
        nonce,
        limit,
        lease_ms,
        "priority" if order.mode == "priority" else "stride",
        order.id,
        profile,
        MAX_ENVELOPE_BYTES,
        len(order.queues),
        len(shapes),
        *order.queues,
        *order.all_weights,
        *shapes,
    ]


def claimed(reply: Any, nonce: str, *, lease_ms: int) -> Claimed:
    """Return the answer of claim.lua.

    Args:
        reply: the answer.
        nonce: what was asked with.
        lease_ms: of tasks without a lease of their own.
    """
    now_ms, due_ms, again, parked, shapes, held_until_ms, kinds, tasks = reply
    shared = [tuple(map(text, kind)) for kind in kinds]
    return Claimed(
        claims=tuple(_claim(task, shared[task[2] - 1], nonce, lease_ms) for task in tasks),
        server_ms=now_ms,
        next_due_ms=due_ms,
        again=bool(again),
        parked=bool(parked),
        shape_count=shapes,
        hold_until_ms=held_until_ms,
    )


def _claim(task: Sequence[Any], kind: Sequence[str], nonce: str, lease_ms: int) -> Claim:
    task_id, fence, _, envelope, order, created_ms, rest = task
    queue, shape, definition, name, user = kind
    attempt, lease, priority, lost, timeout_ms, retry, *rare = rest or _REST
    return Claim(
        task_id=TaskId(text(task_id)),
        fence=fence,
        nonce=nonce,
        queue=queue,
        shape=shape,
        attempt=_number(attempt, 1),
        definition=definition,
        envelope=envelope or None,
        lease_ms=_number(lease, lease_ms),
        name=name,
        user=user,
        priority=_priority(priority),
        lost=_number(lost, 0),
        timeout_ms=_number(timeout_ms, 0),
        retry=text(retry),
        order=text(order),
        created_ms=_number(created_ms, 0),
        rare=_rare(rare) if any(rare) else _RARE,
        isolation=min(_number(rare[6], 0), MOST_ISOLATED),
    )


def _rare(stored: Sequence[bytes]) -> Rare:
    max_lost, unique, key, key_limit, result_ttl_ms, queue_timeout_ms, _ = stored
    return Rare(
        max_lost=_number(max_lost, 3),
        unique=text(unique),
        key=text(key),
        key_limit=_number(key_limit, 1),
        result_ttl_ms=_number(result_ttl_ms, 0),
        queue_timeout_ms=_number(queue_timeout_ms, 0),
    )


def _number(stored: bytes, default: int) -> int:
    """Return a number of 0 or more; anybody may have stored it."""
    number = whole(stored) if stored else None
    return default if number is None else number


def _priority(stored: bytes) -> int:
    if stored.startswith(b"-"):
        return -_number(stored[1:], 0)
    return _number(stored, 0)


def finish_arguments(finishes: Sequence[Finish]) -> list[Argument]:
    """Return the arguments of finish.lua for up to 200 ends."""
    arguments: list[Argument] = [
        retention.RECORD_MS,
        retention.LOG_MS,
        MAX_RESULT_BYTES,
        len(finishes),
    ]
    for finish in finishes:
        claim, exit_code = finish.claim, "" if finish.exit_code is None else finish.exit_code
        isolation = "" if finish.isolation is None else finish.isolation
        arguments += (claim.task_id, claim.fence, claim.nonce, finish.outcome.value, exit_code)
        more = (finish.reason, finish.delay_ms, finish.result, isolation, finish.retry)
        arguments += (1, *more) if any(more) or isolation == 0 else (0,)
    return arguments
