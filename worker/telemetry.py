"""How loaded this machine is, measured beside the beat: a driver that hangs holds up nothing."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from ..broker.worker_load import MachineLoad
from .gpu_load import Cards
from .gpu_use import GpuUse

log = logging.getLogger(__name__)

_MIB: Final = 1024**2
_LEAST_S: Final = 1.0
_FIRST_S: Final = 0.1
"""How long the first measurement looks at the cores; later ones look back to the one before."""
_STALE_AFTER: Final = 3
"""Measurements that failed to come: what is older is not told any more."""


class Telemetry:
    """The last measurement. A thread of its own makes it: file systems and drivers may hang."""

    def __init__(self, folder: Path, *, every_s: float) -> None:
        self._folder = folder
        self._every_s = max(_LEAST_S, every_s)
        self._cards = Cards()
        self.gpu_use = GpuUse()
        self._load: MachineLoad | None = None
        self._measured_s = 0.0
        self._stopped = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Measure as long as the body runs. Nobody waits for a measurement that hangs."""
        thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()

    def latest(self) -> MachineLoad | None:
        """Return the last measurement; None while there is none that is not too old."""
        age_s = time.monotonic() - self._measured_s
        return self._load if age_s < _STALE_AFTER * self._every_s else None

    def _run(self) -> None:
        first_s: float | None = _FIRST_S
        while not self._stopped.is_set():
            try:
                self._load, first_s = self.measure(first_s), None
                self._measured_s = time.monotonic()
                self.gpu_use.note(self._load.gpus, self._measured_s)
            except (OSError, psutil.Error) as e:
                log.debug("this machine can't be measured: %s", e)
            self._stopped.wait(self._every_s)
        self._cards.close()

    def measure(self, interval_s: float | None = None) -> MachineLoad:
        """Measure now. May take as long as the file system and the driver want.

        Args:
            interval_s: look at the cores for so long; None: since the last call of this thread.
        """
        memory = psutil.virtual_memory()
        disk = psutil.disk_usage(str(self._folder))
        return MachineLoad(
            cpu_percent=psutil.cpu_percent(interval_s),
            cpu_count=os.cpu_count(),
            load1=round(os.getloadavg()[0], 2),
            mem_used_mib=(memory.total - memory.available) // _MIB,
            mem_total_mib=memory.total // _MIB,
            disk_free_mib=disk.free // _MIB,
            disk_total_mib=disk.total // _MIB,
            gpus=self._cards.read(),
        )
