"""Claims: taking tasks, keeping them, ending them."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from . import beats, recreation
from .beats import Beat, Fact
from .claims import Claim, Claimed, Finish, FinishCode, Outcome, RecreateCode, Token
from .lease_calls import (
    MAX_ENVELOPE_BYTES,
    MAX_RESULT_BYTES,
    claim_arguments,
    claimed,
    finish_arguments,
)
from .namespace import Namespace
from .orders import Order, Profile
from .recreation import Recreation
from .scripts import Argument
from .states import Phase

__all__ = [
    "MAX_ENVELOPE_BYTES",
    "MAX_RESULT_BYTES",
    "Beat",
    "Claim",
    "Claimed",
    "Finish",
    "FinishCode",
    "Leases",
    "Outcome",
    "Token",
]

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
            park: where fewer are ready than the limit, wait for a message in the inbox. The limit
                is for any mixture of the shapes, so what fits now fits behind those, too.
        """
        profile = Profile(order=order, shapes=tuple(shapes)).id if park else ""
        arguments = claim_arguments(
            worker,
            nonce,
            limit=min(limit, BATCH),
            order=order,
            shapes=shapes,
            lease_ms=lease_ms,
            profile=profile,
        )
        return claimed(await self._ns.scripts.claim(arguments), nonce, lease_ms=lease_ms)

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
        calls = [finish_arguments(batch) for batch in batches]
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
