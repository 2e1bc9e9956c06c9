"""When each GPU was seen at work last. Pure."""

from collections.abc import Iterable, Sequence

from ..broker.worker_load import GpuLoad


class GpuUse:
    """What measurements showed. Written by one thread, read by another."""

    def __init__(self) -> None:
        self._seen_s: dict[str, float] = {}
        self._busy_s: dict[str, float] = {}

    def note(self, gpus: Iterable[GpuLoad], at_s: float) -> None:
        """Note a measurement."""
        for gpu in gpus:
            if gpu.used_percent is None:
                continue  # a slice of a GPU knows no more
            for name in (str(gpu.index), gpu.uuid):
                self._seen_s[name] = at_s
                if gpu.used_percent > 0:
                    self._busy_s[name] = at_s

    def since(self, names: Sequence[str], moment_s: float) -> bool | None:
        """Return whether one of some GPUs was busy since a moment; None: of one nothing is known."""
        if any(self._busy_s.get(name, moment_s - 1) >= moment_s for name in names):
            return True
        is_known = all(self._seen_s.get(name, moment_s - 1) >= moment_s for name in names)
        return False if is_known else None
