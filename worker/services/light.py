"""One light task that this worker holds, from its claim to its finish."""

from ...broker.claims import Token
from ...broker.signed_task import Exclusive
from ..held import Held
from .calls import Call, HostPlan
from .notes import key_of


class Light:
    """What is known of it. A worker may hold ten thousand."""

    __slots__ = (
        *("call", "exclusive", "held", "is_called", "is_expired", "is_resumed", "key", "plan"),
        *("token", "waited"),
    )

    def __init__(self, held: Held) -> None:
        claim = held.claim
        self.held = held
        self.key = key_of(claim)
        self.token = Token(task_id=claim.task_id, fence=claim.fence, nonce=claim.nonce)
        """All that is kept of the claim for the sake of its end."""
        self.plan: HostPlan | None = None
        self.call: Call | None = None
        """Both set when it was verified; forgotten when the call was made."""
        self.exclusive: Exclusive = "keep"
        self.is_called = False
        """Whether the hosts have it: they tell its end."""
        self.is_expired = False
        """Whether it is stopped since its lease could not be renewed in time."""
        self.is_resumed = False
        """Whether an earlier session of this worker called it."""
        self.waited = 0
        """How many sweeps found it waiting for a place."""
