"""Settings of a server, and what is wrong with a value of each. Pure."""

from collections.abc import Callable, Mapping
from typing import Final


def _sync(value: str, replicas: int) -> str:
    if value != "no":
        return ""
    return (
        "the operating system decides when the append-only file reaches the disk, so half a "
        "minute is lost when the machine dies; CONFIG SET appendfsync everysec"
    )


def _timeout(value: str, replicas: int) -> str:
    if value == "0":
        return ""
    return f"the server hangs up after {value} s without a command; CONFIG SET timeout 0"


def _keepalive(value: str, replicas: int) -> str:
    if 0 < _whole(value) <= 300:
        return ""
    return (
        f"connections of machines that vanished stay open (tcp-keepalive {value}); "
        "CONFIG SET tcp-keepalive 60"
    )


def _client_memory(value: str, replicas: int) -> str:
    if value == "0":
        return ""
    return (
        f"the server cuts off clients above {value} of memory, also workers that wait; "
        "CONFIG SET maxmemory-clients 0"
    )


def _small_hashes(value: str, replicas: int) -> str:
    if _whole(value) >= 64:
        return ""
    return (
        f"a record takes several times the memory when its fields may have {value} bytes only; "
        "set it to 64 or more"
    )


def _slow_readers(value: str, replicas: int) -> str:
    words = value.split()
    limits = words[words.index("pubsub") + 1 :][:3] if "pubsub" in words else []
    if any(limit != "0" for limit in limits):
        return ""
    return (
        "a reader of live figures that stands still fills the server's memory; "
        "CONFIG SET client-output-buffer-limit 'pubsub 32mb 8mb 60'"
    )


def _replicas(value: str, replicas: int) -> str:
    if not replicas or _whole(value) >= 1:
        return ""
    return (
        "a primary that is cut off goes on taking tasks that its replicas never see; "
        "CONFIG SET min-replicas-to-write 1, CONFIG SET min-replicas-max-lag 10"
    )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0


RULES: Final[Mapping[str, Callable[[str, int], str]]] = {
    "appendfsync": _sync,
    "timeout": _timeout,
    "tcp-keepalive": _keepalive,
    "maxmemory-clients": _client_memory,
    "hash-max-listpack-value": _small_hashes,
    "hash-max-ziplist-value": _small_hashes,
    "client-output-buffer-limit": _slow_readers,
    "min-replicas-to-write": _replicas,
}
"""Settings, and what is wrong with a value of each where so many replicas are connected."""

SETTINGS: Final = tuple(RULES)
"""What to ask the server for."""
