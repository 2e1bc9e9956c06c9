"""Claims: taking tasks, keeping them, ending them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from . import beats, recreation, retention
from .beats import Beat, Fact
from .claims import (
    MOST_ISOLATED,
    Claim,
    Claimed,
    Finish,
    FinishCode,
    Outcome,
    Rare,
    RecreateCode,
    Token,
)
from .decoding import whole
from .keys import TaskId
from .namespace import Namespace
from .orders import Order, Profile
from .recreation import Recreation
from .scripts import Argument
from .states import Phase

__all__ = ["Beat", "Claim", "Claimed", "Finish", "FinishCode", "Leases", "Outcome", "Token"]

MAX_ENVELOPE_BYTES: Final = 256 * 1024
"""A larger one is not even sent to the worker."""
MAX_RESULT_BYTES: Final = 1024 * 1024
"""A larger result is not kept, only its size: large things are artifacts."""
BATCH: Final = 200
"""Tasks in one call of claim or finish."""


class Leases:
    """What a worker does with tasks."""

    def __init__(self, ns: Namespace) -> None:
        self._ns = ns

    async def claim(
        self,
        worker: str,
        nonce: str,
        *,
        limit: int,
        order: Order,
        shapes: Sequence[str],
        lease_ms: int,
        park: bool,
    ) -> Claimed:
        """Take up to `limit` ready tasks.

        Args:
            worker: the worker's name.
            nonce: up to 32 random characters, new for each claim. After a lost answer the same
                one returns what it claimed.
            limit: 1 to 200.
            order: the queues and the turns.
            shapes: ids of shapes that fit into what is free, at most 256.
            lease_ms: how long a parked worker counts as alive without a beat.
            park: where nothing is ready, wait for a message in the inbox.
        """
        profile = Profile(order=order, shapes=tuple(shapes)).id if park else ""
        reply = await self._ns.scripts.claim(
            [
                worker,
                nonce,
                min(limit, BATCH),
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
        )
        return _claimed(reply, nonce)

    async def rest(self, worker: str) -> None:
        """Claim nothing for now: nobody is to wake this worker. The next claim parks it again."""
        await self._ns.scripts.rest([worker])

    async def beat(
        self,
        worker: str,
        held: Sequence[Token],
        *,
        ttl_ms: int,
        facts: Mapping[str, Fact],
        profile: str = "",
        is_last: bool = True,
        least_ms: int = 0,
    ) -> Beat:
        """Renew the leases of what the worker holds, and hear what became of it.

        Args:
            worker: the worker's name.
            held: all that it holds, or a part of it.
            ttl_ms: how long the worker counts as alive.
            facts: what it is and does, for people.
            profile: under which it is parked, or empty.
            is_last: this part completes a beat: what was listed by no part is missed. A claim
                that two whole beats miss never arrived, and is given back.
            least_ms: what is renewed now lasts at least so long, until the next beat renews it:
                for a worker that is about to be away.
        """
        parts = [held[n : n + beats.BATCH] for n in range(0, len(held), beats.BATCH)] or [held]
        calls = [
            beats.arguments(
                worker,
                part,
                ttl_ms=ttl_ms,
                facts=facts if part is parts[0] else {},
                profile=profile,
                is_last=is_last and part is parts[-1],
                least_ms=least_ms,
            )
            for part in parts
        ]
        return beats.join([beats.parse(r) for r in await self._ns.scripts.beat.many(calls)])

    async def finish(self, finishes: Sequence[Finish]) -> list[FinishCode]:
        """End claims. Safe to repeat.

        Returns:
            One code for each, in their order.
        """
        batches = [finishes[n : n + BATCH] for n in range(0, len(finishes), BATCH)]
        calls = [_finish_arguments(batch) for batch in batches]
        replies = await self._ns.scripts.finish.many(calls) if calls else []
        return [FinishCode(code) for reply in replies for code in reply]

    async def recreate(self, worker: str, known: Recreation, *, lease_ms: int) -> RecreateCode:
        """Make the record of a claim that still runs, where Redis has none of it. Safe to repeat.

        Only where Redis came back older, or with nothing, since the claim: else somebody removed
        the record, and meant it.

        Args:
            worker: the worker's name.
            known: what it knows of the task.
            lease_ms: of tasks without a lease of their own.

        Raises:
            UsageError: what was stored of the task is not acceptable; nothing was made.
        """
        arguments = recreation.arguments(worker, known, lease_ms=lease_ms)
        return RecreateCode(await self._ns.scripts.recreate(arguments))

    async def phase(self, claim: Token, phase: Phase) -> FinishCode:
        """Tell what a running task does just now."""
        arguments: list[Argument] = [claim.task_id, claim.fence, claim.nonce, phase.value]
        return FinishCode(await self._ns.scripts.phase(arguments))

    async def phases(self, phases: Sequence[tuple[Token, Phase]]) -> None:
        """Tell what many running tasks do just now; those that are gone are left out."""
        calls = [[t.task_id, t.fence, t.nonce, phase.value] for t, phase in phases]
        if calls:
            await self._ns.scripts.phase.many(calls)

    async def hang(self, claim: Token, *, still_ms: int) -> FinishCode:
        """Tell how long a running task has shown no sign of life; 0: it moves again."""
        arguments: list[Argument] = [claim.task_id, claim.fence, claim.nonce, still_ms]
        return FinishCode(await self._ns.scripts.hang(arguments))

    async def used(self, claim: Token, used: Mapping[str, str]) -> FinishCode:
        """Tell which parameters the script of a running task really used."""
        encoded = msgspec.json.encode(used)
        arguments: list[Argument] = [claim.task_id, claim.fence, claim.nonce, encoded]
        return FinishCode(await self._ns.scripts.used(arguments))


def _claimed(reply: Any, nonce: str) -> Claimed:
    now_ms, due_ms, again, parked, shapes, held_until_ms, tasks = reply
    return Claimed(
        claims=tuple(_claim(task, nonce) for task in tasks),
        server_ms=now_ms,
        next_due_ms=due_ms,
        again=bool(again),
        parked=bool(parked),
        shape_count=shapes,
        hold_until_ms=held_until_ms,
    )


def _claim(task: Sequence[Any], nonce: str) -> Claim:
    return Claim(
        task_id=TaskId(_text(task[0])),
        fence=task[1],
        nonce=nonce,
        queue=_text(task[2]),
        shape=_text(task[3]),
        attempt=task[4],
        definition=_text(task[5]),
        envelope=task[6] or None,
        lease_ms=task[7],
        name=_text(task[8]),
        user=_text(task[9]),
        priority=task[10],
        lost=task[11],
        timeout_ms=task[12],
        retry=_text(task[13]),
        order=_text(task[14]),
        created_ms=whole(task[15]) or 0,
        rare=_rare(task[16]) if task[16] else Rare(),
        isolation=_isolation(task[16][6]) if task[16] else 0,
    )


def _rare(stored: Sequence[bytes]) -> Rare:
    max_lost, unique, key, key_limit, result_ttl_ms, queue_timeout_ms, _ = stored
    return Rare(
        max_lost=_number(max_lost, 3),
        unique=_text(unique),
        key=_text(key),
        key_limit=_number(key_limit, 1),
        result_ttl_ms=_number(result_ttl_ms, 0),
        queue_timeout_ms=_number(queue_timeout_ms, 0),
    )


def _isolation(stored: bytes) -> int:
    return min(max(_number(stored, 0), 0), MOST_ISOLATED)


def _number(stored: bytes, default: int) -> int:
    number = whole(stored)
    return default if number is None else number


def _text(value: bytes) -> str:
    """Return stored bytes as text, whatever somebody stored."""
    return value.decode("utf-8", "backslashreplace")


def _finish_arguments(finishes: Sequence[Finish]) -> list[Argument]:
    arguments: list[Argument] = [
        retention.RECORD_MS,
        retention.LOG_MS,
        MAX_RESULT_BYTES,
        len(finishes),
    ]
    for finish in finishes:
        claim = finish.claim
        arguments += [claim.task_id, claim.fence, claim.nonce, finish.outcome.value]
        arguments.append("" if finish.exit_code is None else finish.exit_code)
        arguments += [finish.reason, finish.delay_ms, finish.result]
        arguments += ["" if finish.isolation is None else finish.isolation, finish.retry]
    return arguments
