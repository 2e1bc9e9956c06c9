"""Opens and closes the worker with its hours."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import anyio

from .config import WorkerConfig
from .endings import StopCause
from .held import HeldTasks
from .hours import Hours, is_open, next_change
from .signals import Signals

log = logging.getLogger(__name__)

_LONGEST_S: Final = 60.0
"""A machine that slept, or whose clock was set, notices within this time."""


def utc_now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)


class Opening:
    """Looks at the clock of this machine; Redis is not asked."""

    def __init__(
        self,
        config: WorkerConfig,
        tasks: HeldTasks,
        signals: Signals,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._config = config
        self._tasks = tasks
        self._signals = signals
        self._now = now

    async def run(self) -> None:
        """Open and close, forever."""
        while self._config.hours is not None:
            with anyio.move_on_after(min(_LONGEST_S, self.look())):
                await self._signals.hours_overridden()

    def look(self) -> float:
        """Open or close as the hours say; return the seconds until they change."""
        hours, now = self._config.hours, self._now()
        if hours is None:
            return _LONGEST_S
        was_open = self._signals.opens_at is None
        is_now, change = self._judge(hours, now)
        self._signals.hours_change_at = change
        self._signals.close_until(None if is_now else change)
        if was_open and not is_now:
            self._close(change)
        elif is_now and not was_open:
            log.info("hours: open again")
        return _LONGEST_S if change is None else max(0.0, (change - now).total_seconds())

    def _judge(self, hours: Hours, now: datetime) -> tuple[bool, datetime | None]:
        """Return whether it is open, and until when: by the hours, or by what somebody said."""
        until = datetime.fromtimestamp(self._signals.open_until_ms / 1000, UTC)
        if is_open(hours, now) or until <= now:
            return is_open(hours, now), next_change(hours, now)
        return True, next_change(hours, until) if is_open(hours, until) else until

    def _close(self, opens_at: datetime | None) -> None:
        until = f" until {opens_at.astimezone():%a %H:%M}" if opens_at else ""
        log.info("hours: takes no task%s", until)
        if self._config.hours_end == "give-back":
            for held in self._tasks:
                held.stop(StopCause.RELEASED, reason="the worker's hours ended")
