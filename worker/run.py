"""One attempt at work, and what every part of it uses."""

from pathlib import Path

import msgspec

from ..broker.claims import Claim
from .held import Held
from .phases import Phases
from .shipping import Shipping
from .tools import Tools


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Made once per attempt, fresh or found again."""

    held: Held
    tools: Tools
    folder: Path
    """Of this attempt."""
    shipping: Shipping
    phases: Phases

    @property
    def claim(self) -> Claim:
        """What the worker holds."""
        return self.held.claim

    def tell_again(self) -> None:
        """Tell Redis what it may have lost of this attempt."""
        self.phases.tell_again()
        self.shipping.doubt()


def open_run(held: Held, tools: Tools, folder: Path, *, is_resumed: bool = False) -> Run:
    """Return the run of an attempt that works in a folder.

    `is_resumed`: an earlier session of this worker began it.
    """
    run = Run(
        held=held,
        tools=tools,
        folder=folder,
        shipping=Shipping(held.claim, folder, tools.logs, tools.leases, is_resumed=is_resumed),
        phases=Phases(held.claim, tools.leases),
    )
    held.tell_again = run.tell_again
    held.waiting_bytes = run.shipping.waiting_bytes
    return run
