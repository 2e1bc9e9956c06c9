"""From the ending of an attempt to what is told of it: the end, one more try, or a restart. Pure."""

import logging
from collections.abc import Callable

from msgspec import structs

from ..broker import restarts
from ..broker.claims import Claim, Finish, Outcome
from ..broker.restarts import RestartPolicy
from ..broker.retries import RETRIED, RetryPolicy, decode, next_delay_ms
from .endings import Ending

log = logging.getLogger(__name__)

MALFORMED = "its retry policy is malformed"


def finish_of(
    claim: Claim,
    ending: Ending,
    *,
    random: Callable[[], float],
    lasted_ms: int | None = None,
) -> Finish:
    """Return what to report of an attempt: one more try where the task's policy says so.

    Args:
        claim: of the attempt.
        ending: how it ended.
        random: returns a number from 0 to below 1.
        lasted_ms: how long the user's code ran; None: not at all, or it is not known.
    """
    final = Finish(
        claim=claim,
        outcome=ending.outcome,
        exit_code=ending.exit_code,
        reason=ending.reason,
    )
    if not claim.retry or not ending.may_retry:
        return final
    if (service := restarts.decode(claim.retry)) is not None:
        return _restarted(final, service, lasted_ms=lasted_ms, random=random)
    if ending.outcome not in RETRIED:
        return final
    policy = decode(claim.retry)
    if policy is None:
        log.warning("task %s: %s: %.80r", claim.task_id, MALFORMED, claim.retry)
        return structs.replace(final, reason=_joined(ending.reason, MALFORMED))
    return _retried(final, claim, policy, random=random)


def _retried(
    final: Finish, claim: Claim, policy: RetryPolicy, *, random: Callable[[], float]
) -> Finish:
    delay_ms = next_delay_ms(
        policy,
        attempt=claim.attempt,
        outcome=final.outcome,
        exit_code=final.exit_code,
        random=random(),
    )
    if delay_ms is None:
        return final
    next_try = f"try {claim.attempt + 1} of {policy.retries + 1} in {delay_ms / 1000:.3g} s"
    reason = _joined(final.reason or final.outcome.value, next_try)
    return structs.replace(final, outcome=Outcome.RETRY, reason=reason, delay_ms=delay_ms)


def _restarted(
    final: Finish,
    service: RestartPolicy,
    *,
    lasted_ms: int | None,
    random: Callable[[], float],
) -> Finish:
    start = restarts.next_start(
        service, outcome=final.outcome, lasted_ms=lasted_ms, random=random()
    )
    if start is None:
        return final
    words = f"started again in {start.delay_ms / 1000:.3g} s"
    return structs.replace(
        final,
        outcome=Outcome.RETRY,
        reason=_joined(final.reason or final.outcome.value, words),
        delay_ms=start.delay_ms,
        retry=restarts.encode(start.policy),
    )


def _joined(reason: str, words: str) -> str:
    return f"{reason}; {words}" if reason else words
