"""What the NVIDIA driver tells of this machine's GPUs."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from ..broker.worker_load import GpuLoad

log = logging.getLogger(__name__)

_MIB: Final = 1024**2
_MOST: Final = 32
_RETRY_S: Final = 60.0


class Cards:
    """The GPUs. Where there is no driver, or it fails, there are none, and it is tried again later."""

    def __init__(self) -> None:
        self._handles: Sequence[Any] = ()
        self._is_open = False
        self._next_try_s = 0.0

    def read(self) -> tuple[GpuLoad, ...]:
        """Return what each GPU does just now."""
        import pynvml

        if not self._is_open and time.monotonic() < self._next_try_s:
            return ()
        try:
            if not self._is_open:
                self._open()
            return tuple(_load(index, handle) for index, handle in enumerate(self._handles))
        except pynvml.NVMLError as e:
            log.debug("GPUs can't be measured: %s", e)
            self.close()
            self._next_try_s = time.monotonic() + _RETRY_S
            return ()

    def close(self) -> None:
        """Let the driver go."""
        import pynvml

        if self._is_open:
            self._is_open, self._handles = False, ()
            with suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()

    def _open(self) -> None:
        import pynvml

        pynvml.nvmlInit()
        self._is_open = True
        count = min(pynvml.nvmlDeviceGetCount(), _MOST)
        self._handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(count)]


def _load(index: int, handle: Any) -> GpuLoad:
    import pynvml

    memory = _told(lambda: pynvml.nvmlDeviceGetMemoryInfo(handle))
    return GpuLoad(
        index=index,
        uuid=_told(lambda: pynvml.nvmlDeviceGetUUID(handle)) or "",
        name=_told(lambda: pynvml.nvmlDeviceGetName(handle)) or "",
        used_percent=_told(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu),
        mem_used_mib=memory and memory.used // _MIB,
        mem_total_mib=memory and memory.total // _MIB,
        temperature_c=_told(lambda: pynvml.nvmlDeviceGetTemperature(handle, 0)),
        power_w=_told(lambda: pynvml.nvmlDeviceGetPowerUsage(handle) // 1000),
    )


def _told(ask: Callable[[], Any]) -> Any:
    """Return an answer; None where this GPU has none: a slice of one knows less."""
    import pynvml

    try:
        return ask()
    except (pynvml.NVMLError_NotSupported, pynvml.NVMLError_NoPermission):
        return None
