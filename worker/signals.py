"""What the loops of one worker tell each other."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import anyio

from .outage import Outage

log = logging.getLogger(__name__)

ASKED_TO_STOP: Final = "`worker stop`"
_ASKED_TO_LEAVE: Final = {
    "drain": "`worker drain`",
    "restart": "`worker restart`",
}


class Signals:
    """News for whoever rests, and whether this worker still claims."""

    def __init__(self) -> None:
        self.outage = Outage()
        self.heard = 0
        """Counts news, so that none is missed between looking and waiting."""
        self.may_claim = True
        """Whether there was news since the last claim was asked for."""
        self.handed_over = 0
        """How many tasks it left to its next session when it started anew."""
        self.restarts = 0
        """How often another Redis process answered than before."""
        self.replayed = 0
        """Up to which of these it was told again what it may have lost."""
        self.restarted = anyio.Event()
        """Set, and replaced, when that happens."""
        self.server = ""
        """Which Redis it is: the run id of its process. Empty before it was greeted."""
        self.birth = ""
        """Of the namespace; another one where Redis came back with nothing."""
        self.profile = ""
        """The profile under which the worker is parked; empty while it is not."""
        self.is_paused = False
        """From afar: it claims nothing until it is resumed."""
        self.paused_by = ""
        self.told_by = ""
        """Who told it to leave."""
        self.opens_at: datetime | None = None
        """Set while it is outside of its hours: when they begin."""
        self.hours_change_at: datetime | None = None
        """When its hours begin or end next; None: never, or it has none."""
        self.no_room = ""
        """Why the disk takes no more tasks; empty while it does."""
        self.open_until_ms = 0
        """Unix ms. From afar: until then the hours don't count."""
        self.label_changes: Mapping[str, str] = {}
        """What was changed from afar; see worker_labels.merged()."""
        self._leaving = ""
        """Why this process leaves by itself, or for good: nobody far away takes that back."""
        self._anew = ""
        """Why this process starts anew: told on this machine."""
        self._command = ""
        """What it is told from afar: drain, restart or nothing."""
        self._event = anyio.Event()
        self._look = anyio.Event()
        self._override = anyio.Event()

    @property
    def draining(self) -> str:
        """Why the worker claims no more; empty while it does."""
        return self._leaving or self._anew or _ASKED_TO_LEAVE.get(self._command, "")

    @property
    def starts_anew(self) -> bool:
        """Whether it leaves only to be started again, while its tasks go on."""
        return not self._leaving and (bool(self._anew) or self._command == "restart")

    @property
    def is_resting(self) -> bool:
        """Whether it claims nothing for now, and will again."""
        return self.is_paused or self.opens_at is not None or bool(self.no_room)

    @property
    def state(self) -> str:
        """What keeps it from claiming, in a word; empty: nothing."""
        if self.draining:
            return "draining"
        if self.is_paused:
            return "paused"
        if self.opens_at is not None:
            return "off-hours"
        return "disk-full" if self.no_room else ""

    def notify(self) -> None:
        """Wake whoever rests: there may be something to claim, or to stop."""
        self.may_claim = True
        self.moved()

    def moved(self) -> None:
        """Wake whoever rests: a task came or went here, which by itself is no reason to claim."""
        self.heard += 1
        self._event.set()
        self._event = anyio.Event()

    async def news(self, *, since: int) -> None:
        """Wait until notify() was called after `heard` was `since`."""
        if self.heard == since:
            await self._event.wait()

    def look(self) -> None:
        """Let the heartbeat see at once what this worker is told, and tell how it is."""
        self._look.set()

    async def asked_to_look(self) -> None:
        """Wait until look() was called since the last time."""
        await self._look.wait()
        self._look = anyio.Event()

    def drain(self, why: str) -> None:
        """Claim no more; the worker stops when its tasks have ended."""
        if not self._leaving:
            log.info("draining: %s", why)
            self._leaving = why
        self.notify()

    def restart(self, why: str) -> None:
        """Claim no more, and start anew; what runs goes on."""
        if not self.draining:
            log.info("starting anew: %s", why)
        self._anew = why
        self.notify()

    def obey(self, command: str, *, by: str = "") -> None:
        """Drain, restart, or claim again: what Redis says counts, each time that it is asked."""
        if command == self._command or command == "stop":
            return
        self._command, self.told_by = command, by if command else ""
        if command in _ASKED_TO_LEAVE and self._leaving:
            pass  # it said already why it leaves
        elif command in _ASKED_TO_LEAVE:
            log.info("draining: %s%s", _ASKED_TO_LEAVE[command], _by(by))
        elif command:
            log.warning("command %s is not known to this version", command)
        elif not self._leaving:
            log.info("claims again")
        self._changed()

    def pause(self, is_paused: bool, *, by: str = "") -> None:
        """Claim nothing until resumed, or again."""
        if is_paused == self.is_paused:
            return
        self.is_paused, self.paused_by = is_paused, by if is_paused else ""
        log.info("paused%s" if is_paused else "resumed%s", _by(by) if is_paused else "")
        self._changed()

    def close_until(self, opens_at: datetime | None) -> None:
        """Claim nothing before that moment; None: the hours have begun."""
        if opens_at == self.opens_at:
            return
        self.opens_at = opens_at
        self._changed()

    def disk_full(self, why: str) -> None:
        """Claim nothing for want of room, or again: empty."""
        if why != self.no_room:
            self.no_room = why
            self._changed()

    def relabel(self, changes: Mapping[str, str]) -> None:
        """Take over what was changed of the labels from afar."""
        if changes != self.label_changes:
            self.label_changes = changes
            self.look()  # the next beat tells them

    def override_hours(self, until_ms: int) -> None:
        """Claim until then also outside of the hours; 0: keep to them."""
        if until_ms != self.open_until_ms:
            self.open_until_ms = until_ms
            self._override.set()

    async def hours_overridden(self) -> None:
        """Wait until override_hours() changed anything since the last time."""
        await self._override.wait()
        self._override = anyio.Event()

    @property
    def servers(self) -> tuple[str, str]:
        """Which Redis it is: another pair is one that may know less."""
        return self.server, self.birth

    @property
    def is_replayed(self) -> bool:
        """Whether this Redis knows the ends that another one was told."""
        return self.replayed == self.restarts

    def redis_greeted(self, run_id: str, birth: str) -> None:
        """Note which Redis answers now."""
        self.server, self.birth = run_id, birth

    def redis_restarted(self) -> None:
        """Note that another Redis process answers than before."""
        self.restarts += 1
        self.restarted.set()
        self.restarted = anyio.Event()
        self.notify()

    def _changed(self) -> None:
        self.notify()
        self.look()


def _by(who: str) -> str:
    return f" by {who}" if who else ""
