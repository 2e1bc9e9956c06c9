"""The configuration file of the embedded server."""

import os
from pathlib import Path
from typing import Final

from .layout import Layout

_MIB: Final = 1024 * 1024
_LEAST_BYTES: Final = 256 * _MIB
_MOST_UNREAD_BYTES: Final = 640 * _MIB
"""Above the largest answer, which is one value of 512 MiB."""
_MUCH_UNREAD_BYTES: Final = 128 * _MIB
_UNREAD_S: Final = 300
"""A code pack is 32 MiB where nobody raised that, and a slow line may take minutes for a larger one."""
_CGROUP_LIMIT: Final = Path("/sys/fs/cgroup/memory.max")


def config_text(layout: Layout, socket: Path, *, max_memory_bytes: int) -> str:
    """Return the text of server.conf. Pure.

    The append-only file is the only persistence: at most the last second is lost when the
    machine dies, nothing when the server does. `logfile` is unset: it logs to its stdout.

    Who asks and does not read fills the memory that tasks need, so there is a limit for one
    connection. There is none for all together: `maxmemory-clients` cuts off workers that wait, and
    clients that are cut off have led servers to use memory that they had freed (CVE-2026-23479).
    """
    lines = [
        "port 0",
        f"unixsocket {_quoted(socket)}",
        "unixsocketperm 700",
        f"dir {_quoted(layout.folder)}",
        f"pidfile {_quoted(layout.pid)}",
        f"aclfile {_quoted(layout.users)}",
        "daemonize no",
        "protected-mode yes",
        'save ""',
        "appendonly yes",
        "appendfsync everysec",
        "aof-load-truncated yes",
        "aof-use-rdb-preamble yes",
        f"maxmemory {max_memory_bytes}",
        "maxmemory-policy noeviction",
        "timeout 0",
        f"client-output-buffer-limit normal {_MOST_UNREAD_BYTES} {_MUCH_UNREAD_BYTES} {_UNREAD_S}",
    ]
    return "\n".join(lines) + "\n"


def default_max_memory_bytes() -> int:
    """Return a quarter of the memory that this machine or container has."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if _CGROUP_LIMIT.is_file() and (limit := _CGROUP_LIMIT.read_text("ascii").strip()).isdigit():
        total = min(total, int(limit))
    return max(_LEAST_BYTES, total // 4)


def _quoted(path: Path) -> str:
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{text}"'
