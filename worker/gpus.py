"""Which GPUs this worker hands out, and how a task is told which are its own."""

import logging
from collections.abc import Sequence

from ..broker.errors import UsageError

log = logging.getLogger(__name__)


def count() -> int:
    """Return the number of NVIDIA GPUs; 0 where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return 0
    try:
        return int(pynvml.nvmlDeviceGetCount())
    finally:
        pynvml.nvmlShutdown()


def choose(option: str, found: int) -> tuple[str, ...]:
    """Return the GPUs that `--gpus` names.

    Args:
        option: `all`, `none`, a number `N` (the first N), or indices and UUIDs `0,2` or `0,`.
        found: what count() returned. 0 means no driver: the option is trusted.

    Raises:
        UsageError: it names a GPU that is not there, or one of them twice.
    """
    if option == "none":
        return ()
    if option == "all":
        return tuple(map(str, range(found)))
    if option.isdecimal():
        names = tuple(map(str, range(int(option))))
    else:
        names = tuple(part.strip() for part in option.split(",") if part.strip())
        if not names or not all(_is_name(name) for name in names):
            raise UsageError(f"--gpus {option}: say all, none, a number, or a list like 0,1")
    if len(set(names)) < len(names):
        raise UsageError(f"--gpus {option}: names a GPU twice")
    if missing := [n for n in names if n.isdecimal() and int(n) >= found > 0]:
        raise UsageError(f"--gpus {option}: this machine has {found}; no GPU {missing[0]}")
    if names and not found:
        log.warning(
            "--gpus %s: no NVIDIA driver found; the numbers are handed out as they are", option
        )
    return names


def visible(gpus: Sequence[str]) -> dict[str, str]:
    """Return the environment that shows a task its GPUs and no others."""
    return {
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # else the driver numbers the fastest first
        "CUDA_VISIBLE_DEVICES": ",".join(gpus),
        "NVIDIA_VISIBLE_DEVICES": ",".join(gpus) or "none",
    }


def _is_name(text: str) -> bool:
    return text.isdecimal() or text.startswith(("GPU-", "MIG-"))
