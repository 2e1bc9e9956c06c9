"""Under which title the help shows an option of the commands that have many. Pure data."""

from collections.abc import Collection, Mapping
from typing import Final

_WHAT: Final = "What is run"
_WHERE: Final = "Where it stands and what it needs"
_WHEN: Final = "When it starts"
_ENDS: Final = "When it stops, and what comes then"
_BESIDE: Final = "Beside which others"
_GIVES: Final = "What it hands out"
_SERVICES: Final = "Services mode: many light tasks at once"
_LEAVES: Final = "When it stops"

TASKS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        (
            "module",
            "service",
            "args",
            "kwargs",
            "set",
            "env",
            "requirements",
            "package",
            "python",
            "env_writable",
            "snapshot_limit",
        ),
        _WHAT,
    ),
    **dict.fromkeys(("queue", "priority", "name", "label", "gpus", "cpus", "mem"), _WHERE),
    **dict.fromkeys(("draft", "durability"), _WHERE),
    **dict.fromkeys(("delay", "at", "after", "queue_timeout"), _WHEN),
    **dict.fromkeys(
        (
            "timeout",
            "grace",
            "mem_limit",
            "exclusive",
            "restart",
            "retries",
            "retry_delay",
            "retry_backoff",
            "retry_max_delay",
        ),
        _ENDS,
    ),
    **dict.fromkeys(("retry_jitter", "retry_on", "result_ttl"), _ENDS),
    **dict.fromkeys(("unique", "if_exists", "concurrency_key", "concurrency_limit"), _BESIDE),
}
"""By the name of the parameter, for `submit`, `run` and `schedule add`."""

WORK: Final[Mapping[str, str]] = {
    **dict.fromkeys(("slots", "gpus", "cpus", "mem"), _GIVES),
    **dict.fromkeys(("services", "host_lag", "host_mem", "host_idle"), _SERVICES),
    **dict.fromkeys(("once", "idle_timeout", "max_tasks"), _LEAVES),
}
"""The same for `work`, and for `install`, which starts workers."""


def panels_of(names: Collection[str]) -> Mapping[str, str]:
    """Return the titles for a command with these parameters."""
    return WORK if "services" in names and "gpus" in names else TASKS
