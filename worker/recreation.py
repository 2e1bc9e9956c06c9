"""Makes the records of running tasks anew where Redis came back without them."""

import logging
from pathlib import Path
from typing import Final, Protocol

import anyio
import msgspec

from ..broker import definition
from ..broker.blobs import Blobs
from ..broker.claims import RecreateCode
from ..broker.errors import BrokerUnavailable, UsageError
from ..broker.leases import Leases
from ..broker.new_task import DefinitionUpload
from ..broker.recreation import Recreation
from .config import WorkerConfig
from .endings import StopCause
from .held import ClaimKey, Held
from .known import Known, rewrite
from .signals import Signals
from .snapshots import Snapshots

log = logging.getLogger(__name__)

_RETRY_S: Final = 1.0
_NO_CODE: Final = (
    "rq-agent: redis lost the code of this task, and this worker no longer has it as it was signed: "
    "it runs on, but can't run once more"
)


class Attempted(Protocol):
    """What is made anew: a Run."""

    @property
    def held(self) -> Held:
        """The claim."""

    @property
    def folder(self) -> Path:
        """Of the run."""

    def say(self, line: str) -> None:
        """Put a line into the task's log."""

    def tell_again(self) -> None:
        """Tell what Redis lost with the record."""


class Recreations:
    """One per worker. Only for a server that is another one than at the claim.

    Where it is the same, somebody removed the record, and meant it.
    """

    def __init__(
        self,
        config: WorkerConfig,
        signals: Signals,
        leases: Leases,
        blobs: Blobs,
        snapshots: Snapshots,
    ) -> None:
        self._config = config
        self._signals = signals
        self._leases = leases
        self._blobs = blobs
        self._snapshots = snapshots
        self._wanted: dict[ClaimKey, Attempted] = {}
        self._is_wanted = anyio.Event()

    def want(self, attempted: Attempted) -> bool:
        """Have the record of a running task made soon; return False if it must not be."""
        if not self._may(attempted.held):
            return False
        self._wanted[attempted.held.key] = attempted
        self._is_wanted.set()
        return True

    async def run(self) -> None:
        """Make what is wanted, forever."""
        while True:
            await self._is_wanted.wait()
            self._is_wanted = anyio.Event()
            while self._wanted:
                key, attempted = next(iter(self._wanted.items()))
                if not await self.make(attempted):
                    attempted.held.stop(StopCause.LOST)
                self._wanted.pop(key)

    def has_lost_all(self, attempted: Attempted) -> bool:
        """Return whether Redis came back with nothing since the claim."""
        known = attempted.held.known
        return known is not None and known.servers[1] != self._signals.birth

    async def make(self, attempted: Attempted) -> bool:
        """Make the record, however long Redis is away; return whether there is one now."""
        known = attempted.held.known
        while known is not None and self._may(attempted.held):
            servers = self._signals.servers
            try:
                await self._make(attempted, known)
            except BrokerUnavailable as e:
                self._signals.outage.missed(e)
                await anyio.sleep(_RETRY_S)
                continue
            except UsageError as e:
                log.warning("task %s: can't be made anew: %s", known.claim.task_id, e)
                return False
            _keep(attempted, msgspec.structs.replace(known, servers=servers))
            attempted.tell_again()
            return True
        return self._is_made(attempted.held)

    def _is_made(self, held: Held) -> bool:
        """Return whether it was made since this server came: by the other one who asks for it."""
        return (
            held.known is not None and held.servers != held.known.servers == self._signals.servers
        )

    def _may(self, held: Held) -> bool:
        return held.known is not None and held.known.servers != self._signals.servers

    async def _make(self, attempted: Attempted, known: Known) -> None:
        blob, encoded = known.definition.code.blob, definition.encode(known.definition)
        if await self._blobs.missing([blob]):
            tree = attempted.folder / "tree"
            content = await self._snapshots.content_here(known.definition.code, tree)
            if content is not None:
                await self._blobs.put(blob, content)
        recreation = Recreation(
            claim=known.claim,
            need=known.need,
            definition=DefinitionUpload(encoded=encoded, blobs=(blob,)),
            params=known.params,
        )
        code = await self._leases.recreate(
            self._config.name, recreation, lease_ms=self._config.lease_ms
        )
        if code is not RecreateCode.EXISTS:
            log.warning("task %s: redis came back without it; made anew", known.claim.task_id)
        if code is RecreateCode.MADE_WITHOUT_BLOB:
            attempted.say(_NO_CODE)


def _keep(attempted: Attempted, known: Known) -> None:
    attempted.held.known = known
    try:
        rewrite(attempted.folder, known)
    except OSError as e:  # it counts for the next session only
        log.warning("task %s: its claim is not kept: %s", known.claim.task_id, e)
