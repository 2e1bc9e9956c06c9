"""From the ending of an attempt to what is told of it: the end, or one more try. Pure."""

import logging
from collections.abc import Callable

from msgspec import structs

from ..broker.claims import Claim, Finish, Outcome
from ..broker.retries import RETRIED, decode, next_delay_ms
from .endings import Ending

log = logging.getLogger(__name__)

MALFORMED = "its retry policy is malformed"


def finish_of(claim: Claim, ending: Ending, *, random: Callable[[], float]) -> Finish:
    """Return what to report of an attempt: one more try where the task's policy says so.

    Args:
        claim: of the attempt.
        ending: how it ended.
        random: returns a number from 0 to below 1.
    """
    final = Finish(
        claim=claim,
        outcome=ending.outcome,
        exit_code=ending.exit_code,
        reason=ending.reason,
    )
    if not claim.retry or ending.outcome not in RETRIED or not ending.may_retry:
        return final
    policy = decode(claim.retry)
    if policy is None:
        log.warning("task %s: %s: %.80r", claim.task_id, MALFORMED, claim.retry)
        return structs.replace(final, reason=_joined(ending.reason, MALFORMED))
    delay_ms = next_delay_ms(
        policy,
        attempt=claim.attempt,
        outcome=ending.outcome,
        exit_code=ending.exit_code,
        random=random(),
    )
    if delay_ms is None:
        return final
    next_try = f"try {claim.attempt + 1} of {policy.retries + 1} in {delay_ms / 1000:.3g} s"
    reason = _joined(ending.reason or ending.outcome.value, next_try)
    return structs.replace(final, outcome=Outcome.RETRY, reason=reason, delay_ms=delay_ms)


def _joined(reason: str, words: str) -> str:
    return f"{reason}; {words}" if reason else words
