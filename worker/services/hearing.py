"""What each report of a host means for its calls and for itself."""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Any, Final, Protocol

from . import blocked
from .in_host import CallsInHost
from .isolation import NOBODY, Death
from .messages import (
    Blocked,
    Done,
    Exits,
    Gap,
    Out,
    Pulse,
    Ready,
    Refused,
    Report,
    State,
)
from .telling import Telling
from .vitals import Vitals

_EXITS: Final = 100
TOLD: Final = 100
"""So many calls are told of what all of them suffer."""


class Judged(Protocol):
    """The host that is heard."""

    def condemn(self, death: Death) -> None:
        """It is to be killed, for a reason."""
        ...

    def is_there(self, pid: int) -> None:
        """It takes calls."""
        ...

    def told_state(self, report: State) -> None:
        """It told what runs in it."""
        ...


class Hearing:
    """Hears one host. What it says of calls that it does not have is passed over."""

    def __init__(
        self, host: Judged, calls: CallsInHost, vitals: Vitals, telling: Telling, *, lag_s: float
    ) -> None:
        self._host = host
        self._calls = calls
        self._vitals = vitals
        self._telling = telling
        self._lag_s = lag_s
        self.exits: deque[tuple[str, int]] = deque(maxlen=_EXITS)
        """Calls that said that they end the process, the last ones."""
        self._on: dict[type, Callable[[Any], object]] = {
            Ready: lambda report: host.is_there(report.pid),
            State: host.told_state,
            Out: self._on_output,
            Gap: self._on_output,
            Blocked: self._on_blocked,
            Exits: lambda report: self.exits.append((report.key, report.code)),
            Refused: self._on_refused,
            Pulse: vitals.pulse,
        }

    def hear(self, report: Report, segment: int) -> None:
        """Take one report, from a file of reports."""
        if type(report) is Done:
            self._telling.end(self._calls.done(report.rows), segment=segment)
        elif (reaction := self._on.get(type(report))) is not None:
            reaction(report)

    def _on_output(self, report: Out | Gap) -> None:
        if not self._calls.may_speak_of(report.key):
            return
        if isinstance(report, Out):
            self._telling.out(report)
        else:
            self._telling.gap(report)

    def _on_blocked(self, report: Blocked) -> None:
        """Replace the host, unless what blocked has ended meanwhile."""
        if self._calls.is_replaying or report.key not in (NOBODY, *self._calls):
            return
        told = [report.key] if report.key else islice(self._calls, TOLD)
        self._telling.say(told, blocked.of_block(report.seconds, self._lag_s, report.stack))
        reason = f"blocked its event loop for {report.seconds:.1f} s"
        self._host.condemn(Death(reason=reason, guilty=report.key))

    def _on_refused(self, report: Refused) -> None:
        self._telling.end(self._calls.refused(report.key, report.reason))
        self._host.condemn(Death(reason="a task in it could not be ended", is_ours=True))
