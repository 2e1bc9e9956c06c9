"""A worker that starts nothing: it claims tasks, and tells the ends that a test says."""

from collections.abc import Sequence
from secrets import token_hex

from rq_agent.broker.claims import Claim, Finish, Outcome
from rq_agent.broker.leases import Leases
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.orders import parse
from rq_agent.broker.shapes import Shapes

QUEUES = ("services", "mail")


async def claim(ns: Namespace, limit: int = 200) -> Sequence[Claim]:
    """Claim what is ready."""
    claimed = await Leases(ns).claim(
        "hands",
        token_hex(8),
        limit=limit,
        order=parse("priority", QUEUES),
        shapes=tuple(await Shapes(ns).all()),
        lease_ms=60_000,
        park=False,
    )
    return claimed.claims


async def finish(
    ns: Namespace,
    claims: Sequence[Claim],
    outcome: Outcome = Outcome.SUCCEEDED,
    *,
    result: bytes = b"",
    reason: str = "",
    exit_code: int | None = None,
) -> None:
    """End what was claimed."""
    ends = [
        Finish(claim=c, outcome=outcome, result=result, reason=reason, exit_code=exit_code)
        for c in claims
    ]
    await Leases(ns).finish(ends)
