"""One attempt at work, and what every part of it uses."""

from pathlib import Path

import msgspec

from ..broker.claims import Claim
from .held import Held
from .known import read
from .phases import Phases
from .shipping import Shipping
from .spool_bound import SpoolBound
from .tools import Tools


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """Made once per attempt, fresh or found again."""

    held: Held
    tools: Tools
    folder: Path
    """Of this attempt."""
    shipping: Shipping
    phases: Phases
    spool: SpoolBound

    @property
    def claim(self) -> Claim:
        """What the worker holds."""
        return self.held.claim

    def say(self, line: str) -> None:
        """Put a line of the worker's own into the task's log."""
        self.shipping.say(line)

    def tell_again(self) -> None:
        """Tell Redis what it may have lost of this attempt."""
        self.phases.tell_again()
        self.shipping.doubt()


def open_run(held: Held, tools: Tools, folder: Path, *, is_resumed: bool = False) -> Run:
    """Return the run of an attempt that works in a folder.

    `is_resumed`: an earlier session of this worker began it.
    """
    shipping = Shipping(held.claim, folder, tools.logs, tools.leases, is_resumed=is_resumed)
    run = Run(
        held=held,
        tools=tools,
        folder=folder,
        shipping=shipping,
        phases=Phases(held.claim, tools.leases),
        spool=SpoolBound(folder, tools.room, shipping.say),
    )
    held.tell_again = run.tell_again
    held.make_anew = lambda: tools.recreations.want(run)
    if is_resumed:
        held.known = read(folder, tools.namespace)
    held.waiting_bytes = run.shipping.waiting_bytes
    return run
