"""When a long-lived service that ended is started again, and after how long. Pure.

The policy stands where a retry policy would (`retry` of the record), as a second form of text:
`restart always 3`, where 3 counts the ends in a row that came soon.
"""

import re
from typing import Final, Literal

import msgspec

from .claims import Outcome

BASE_MS: Final = 1_000
"""Before the service is started again, after an end that came late."""
CAP_MS: Final = 60_000
SOON_MS: Final = 60_000
"""An end before that came soon: the delay doubles. A run that lasted longer was a good one."""
JITTER_PERCENT: Final = 10
"""Up to so much of the delay is left out at random, so that many don't come back at once."""

_MOST_COUNTED: Final = 1_000
_FAILURES: Final = frozenset({Outcome.FAILED, Outcome.ERRORED, Outcome.TIMED_OUT})
_RESTARTED: Final = {
    "on-failure": _FAILURES,
    "always": _FAILURES | {Outcome.SUCCEEDED},
}
_TEXT: Final = re.compile(r"restart (on-failure|always)(?: (\d{1,4}))?", re.ASCII)

When = Literal["on-failure", "always"]


class RestartPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """After which ends a service is started again."""

    when: When
    soon: int = 0
    """Ends in a row that came soon, the last ones."""


class Restart(msgspec.Struct, frozen=True, kw_only=True):
    """The next start of a service."""

    delay_ms: int
    policy: RestartPolicy
    """As it is to be kept from now on."""


def encode(policy: RestartPolicy) -> str:
    """Return a policy as at most 64 bytes of text."""
    counted = f" {min(policy.soon, _MOST_COUNTED)}" if policy.soon else ""
    return f"restart {policy.when}{counted}"


def decode(text: str) -> RestartPolicy | None:
    """Return the policy of a text, None when it is none of ours: anybody may have written it."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    when: When = "always" if found[1] == "always" else "on-failure"
    return RestartPolicy(when=when, soon=int(found[2] or 0))


def text_of(restart: str) -> str:
    """Return the text of what is signed of a task (see signed_task.Restart); empty for never."""
    return "" if restart == "never" else f"restart {restart}"


def next_start(
    policy: RestartPolicy, *, outcome: Outcome, lasted_ms: int | None, random: float
) -> Restart | None:
    """Return when a service is started again, None when it is not.

    Args:
        policy: of the task.
        outcome: how it ended.
        lasted_ms: how long it ran; None: not known, it counts as soon.
        random: from 0 to below 1.
    """
    if outcome not in _RESTARTED[policy.when]:
        return None
    came_soon = lasted_ms is None or lasted_ms < SOON_MS
    soon = policy.soon + 1 if came_soon else 0
    doublings = min(max(soon - 1, 0), CAP_MS.bit_length())
    delay_ms = min(BASE_MS * 2**doublings, CAP_MS)
    return Restart(
        delay_ms=delay_ms - int(delay_ms * JITTER_PERCENT * random / 100),
        policy=RestartPolicy(when=policy.when, soon=soon),
    )
