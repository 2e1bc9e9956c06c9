"""What every runner of one worker works with."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from ..broker.definitions import Definitions
from ..broker.envelope import Verifier
from ..broker.keyrings import Keyrings
from ..broker.leases import Leases
from ..broker.logs import Logs
from .config import WorkerConfig
from .executors.base import Executor
from .finisher import Finisher
from .process.journal import Journal
from .recreation import Recreations
from .retelling import Retelling
from .room import Room
from .signals import Signals
from .snapshots import Snapshots
from .telemetry import Telemetry


class Tools(msgspec.Struct, frozen=True, kw_only=True):
    """Wired once by the supervisor."""

    config: WorkerConfig
    namespace: str
    folder: Path
    """This worker's own: journal and run folders."""
    definitions: Definitions
    snapshots: Snapshots
    leases: Leases
    logs: Logs
    verifier: Verifier
    keyrings: Keyrings
    executors: Mapping[str, Executor]
    """By the name that a definition asks for."""
    journal: Journal
    finisher: Finisher
    signals: Signals
    recreations: Recreations
    retelling: Retelling
    telemetry: Telemetry
    room: Room
