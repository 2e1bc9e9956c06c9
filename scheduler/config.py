"""What a scheduler is told."""

import msgspec

from . import archiving


class SchedulerConfig(msgspec.Struct, frozen=True, kw_only=True):
    """One `rq-agent scheduler`."""

    archive: str
    """A folder or URL; empty: nothing is archived, so nothing is purged."""
    lease_ms: int = 60_000
    """What a claim lasts where its worker says nothing else."""
    beat_ms: int = 5_000
    write_every_s: float = archiving.WRITE_EVERY_S
    purge_every_s: float = archiving.PURGE_EVERY_S
