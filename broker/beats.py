"""One call of beat: its arguments and its answer."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from . import retention
from .claims import Token
from .decoding import text, texts, whole
from .keys import TaskId
from .scripts import Argument

BATCH: Final = 256
"""Leases in one call of the script."""
Fact = str | int | float
_GRACE: Final = re.compile(r"[0-9]{1,12}", re.ASCII)


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """What a beat tells the worker."""

    server_ms: int
    lost: tuple[TaskId, ...]
    """Held by another claim, or ended: stop, report nothing."""
    missing: tuple[TaskId, ...]
    """No record at all: removed by somebody, or Redis came back without it."""
    cancels: dict[TaskId, int | None]
    """Task to stop -> grace in ms; None: the task's own."""
    given_back: tuple[TaskId, ...]
    """Held for this worker, but not by it: their claim never arrived."""
    is_ticker: bool
    shape_count: int
    is_parked: bool
    """Under the profile that it named; else it was woken, or Redis forgot it."""
    command: str = ""
    """`drain`, `stop`, `restart`, or empty."""
    told_by: str = ""
    """Who gave the command; text of anybody."""
    is_paused: bool = False
    paused_by: str = ""
    open_until_ms: int = 0
    """Until then it claims also outside of its hours; 0: it keeps to them."""
    labels: dict[str, str] = {}
    """What was changed from afar; see worker_labels.merged()."""


def arguments(
    worker: str,
    held: Sequence[Token],
    *,
    ttl_ms: int,
    facts: Mapping[str, Fact],
    profile: str,
    is_last: bool,
    least_ms: int,
) -> list[Argument]:
    """Return the arguments of beat.lua."""
    result: list[Argument] = [worker, ttl_ms, int(is_last), profile]
    result += [retention.LOG_MS, retention.RECORD_MS, least_ms, len(facts)]
    for field, value in facts.items():
        result += [field, value]
    result.append(len(held))
    for token in held:
        result += [token.task_id, token.fence, token.nonce]
    return result


def parse(reply: Sequence[Any]) -> Beat:
    """Return the answer of beat.lua."""
    now_ms, lost, cancels, given_back, is_ticker, shapes, is_parked, told, labels, missing = reply
    command = _pairs(told)
    graces = zip(cancels[0::2], cancels[1::2], strict=True)
    return Beat(
        server_ms=now_ms,
        lost=_ids(lost),
        missing=_ids(missing),
        cancels={TaskId(text(i)): grace_ms(text(g)) for i, g in graces},
        given_back=_ids(given_back),
        is_ticker=bool(is_ticker),
        shape_count=shapes,
        is_parked=bool(is_parked),
        command=command.get("command", ""),
        told_by=command.get("who", ""),
        is_paused="paused" in command,
        paused_by=command.get("paused_who", ""),
        open_until_ms=whole(command.get("open_until_ms", "").encode()) or 0,
        labels=_pairs(labels),
    )


def join(beats: Sequence[Beat]) -> Beat:
    """Return what the parts of one whole beat tell together."""
    last = beats[-1]
    return msgspec.structs.replace(
        last,
        lost=tuple(i for beat in beats for i in beat.lost),
        missing=tuple(i for beat in beats for i in beat.missing),
        cancels={i: g for beat in beats for i, g in beat.cancels.items()},
    )


def grace_ms(stored: str) -> int | None:
    """Return the grace that somebody asked for; None, the task's own, when it is no number."""
    return int(stored) if _GRACE.fullmatch(stored) else None


def _pairs(flat: Sequence[bytes]) -> dict[str, str]:
    return dict(zip(texts(flat[0::2]), texts(flat[1::2]), strict=True))


def _ids(raw: Sequence[bytes]) -> tuple[TaskId, ...]:
    return tuple(TaskId(text(i)) for i in raw)
