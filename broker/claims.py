"""What a worker holds of a task, and how it ends: plain data."""

from enum import IntEnum, StrEnum
from typing import Final

import msgspec

from .keys import TaskId

MOST_ISOLATED: Final = 4


class Token(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Proves a claim: made by claim(), compared with what is stored in every later write."""

    task_id: TaskId
    fence: int
    """Rises with each claim of the task."""
    nonce: str
    """Differs where a Redis that came back older hands out the same fence again."""


class Rare(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What few tasks have. A worker needs it only to make a lost record anew."""

    max_lost: int = 3
    unique: str = ""
    key: str = ""
    """Its concurrency key."""
    key_limit: int = 1
    result_ttl_ms: int = 0
    queue_timeout_ms: int = 0


class Claim(Token, frozen=True, kw_only=True, gc=False):
    """One claimed task."""

    queue: str
    shape: str
    attempt: int
    definition: str
    """Digest."""
    envelope: bytes | None
    """None: missing, or larger than MAX_ENVELOPE_BYTES."""
    lease_ms: int
    name: str
    user: str
    priority: int
    lost: int
    timeout_ms: int
    retry: str = ""
    """The retry policy as stored; see retries.py. Empty: none."""
    order: str = ""
    """Its place in the queue, a number as stored; empty: not known."""
    created_ms: int = 0
    """0: not known."""
    rare: Rare = Rare()
    isolation: int = 0
    """From whom the task must be kept apart: 0 nobody, 4 everybody. See
    worker/services/isolation.py."""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a claim."""

    claims: tuple[Claim, ...]
    server_ms: int
    next_due_ms: int
    """When the next delayed task is due; 0: there is none."""
    again: bool
    """A bound was reached: ask again at once."""
    parked: bool
    """The worker will be woken by a message in its inbox."""
    shape_count: int
    hold_until_ms: int
    """No claims until then, since Redis restarted and may be older; 0: they go on."""


class Outcome(StrEnum):
    """How a claim ends."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ERRORED = "errored"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    RETRY = "retry"  # once more, charged: attempt + 1
    RELEASE = "release"  # back into its own place, uncharged
    LOST = "lost"  # worker and process died: as if the lease had run out


class RecreateCode(IntEnum):
    """What Redis said of a record that was to be made anew."""

    MADE = 1
    MADE_WITHOUT_BLOB = 2  # this run can end, but none can follow: its code is gone
    EXISTS = 0  # there is a record: the next beat tells what it says


class FinishCode(IntEnum):
    """What Redis said of a finish."""

    APPLIED = 1
    REPLAY = 0  # applied by an earlier call
    GONE = -1  # no such task
    FENCED = -2  # the claim does not hold the task


class Finish(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The end of one claim."""

    claim: Token
    outcome: Outcome
    exit_code: int | None = None
    reason: str = ""
    delay_ms: int = 0
    """Of a retry."""
    result: bytes = b""
    isolation: int | None = None
    """From now on; None: as it is."""
    retry: str = ""
    """Its policy from now on, where that counts what happened; empty: as it is."""
