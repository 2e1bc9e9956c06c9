"""How many light tasks a worker runs, beside or instead of ordinary ones, and what their hosts may do."""

from typing import TYPE_CHECKING, Any, Final

from ..broker.errors import UsageError
from . import values
from .config_file import FILE_NAME

if TYPE_CHECKING:
    from ..worker.config import WorkerConfig
    from .config_file import WorkTable
    from .work_options import WorkOptions

MOST: Final = 100_000
"""Light tasks that one worker may be asked to run at once."""
USUAL: Final = "100"
"""Light tasks at once of workers that are started by themselves."""
_MOST_SLOTS: Final = 10_000
_LAG: Final = "2s"
_LEAST_LAG_S: Final = 0.1
_IDLE: Final = "60s"
_OF_HOSTS: Final = ("host_lag", "host_mem", "host_idle")


def fields_of(options: "WorkOptions", table: "WorkTable") -> dict[str, Any]:
    """Return the fields of a WorkerConfig about slots and hosts. Pure.

    Args:
        options: of `work`. Without `--slots`, ordinary tasks take places of light ones.
        table: of the configuration file.

    Raises:
        UsageError: a value is not acceptable, or has no meaning here.
    """
    services = values.whole(options.services, "--services", least=0, most=MOST)
    is_shared = services > 0 and not options.slots
    slots = "0" if is_shared else options.slots or "1"
    fields: dict[str, Any] = {
        "services": services,
        "services_shared": is_shared,
        "slots": values.whole(slots, "--slots", least=0, most=_MOST_SLOTS),
    }
    return fields | (_of_hosts(options, table) if services else _nothing(options))


def gpus_of(options: "WorkOptions") -> str:
    """Return which GPUs are handed out: those of a machine belong to its ordinary worker."""
    return options.gpus or ("none" if options.services.strip("0") else "all")


def slot_words(config: "WorkerConfig") -> str:
    """Return what a worker runs at once, for people."""
    slots = "1 slot" if config.slots == 1 else f"{config.slots} slots"
    if not config.services:
        return slots
    count = "1 service slot" if config.services == 1 else f"{config.services} service slots"
    if config.services_shared:
        return f"{count} (also for ordinary tasks)"
    return f"{slots}, {count}" if config.slots else count


def _of_hosts(options: "WorkOptions", table: "WorkTable") -> dict[str, Any]:
    lag, where = _said(options, table, "host_lag", _LAG)
    lag_s = values.duration_s(lag, where)
    if lag_s < _LEAST_LAG_S:
        raise UsageError(
            f"{where} {lag}: at least {_LEAST_LAG_S}s, or a busy machine looks blocked"
        )
    mem, where_mem = _said(options, table, "host_mem", "0")
    idle, where_idle = _said(options, table, "host_idle", _IDLE)
    return {
        "host_lag_s": lag_s,
        "host_mem_mib": 0 if mem == "0" else values.size_mib(mem, where_mem),
        "host_idle_s": values.duration_s(idle, where_idle),
    }


def _said(options: "WorkOptions", table: "WorkTable", name: str, default: str) -> tuple[str, str]:
    """Return what is said of a setting, and what says it."""
    if text := getattr(options, name):
        return text, f"--{name.replace('_', '-')}"
    return getattr(table, name) or default, f"{FILE_NAME}: work.{name}"


def _nothing(options: "WorkOptions") -> dict[str, Any]:
    for name in _OF_HOSTS:
        if getattr(options, name):
            raise UsageError(
                f"--{name.replace('_', '-')} is about light tasks: give --services N too"
            )
    return {}
