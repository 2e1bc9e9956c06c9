"""All that a namespace holds, without times and ids: two ways to one state can be compared."""

import re
from typing import Any, Final

from redis import Redis

_TIME: Final = re.compile(r"(?<![0-9.])1[789][0-9]{11}(?![0-9])")
"""Unix ms. A place in a queue has more digits."""
_ID: Final = re.compile(r"01[0-9a-z]{14}")
"""Of tasks, and the nonces of the steps."""
_TIMED: Final = re.compile(r"[wr][0-9]+")
"""Fields of a histogram."""
_SINCE: Final = frozenset({"beat_ended", "beat_ended_before"})
"""0 at first, then a time."""
_LEAST_MS, _MOST_MS = 1.7e12, 2e12


class Holdings:
    """Reads the keys of namespaces; the order of ids counts, the ids themselves do not."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        """Args.

        redis: whose answers are text.
        prefix: of the namespace.
        """
        self._redis: Any = redis
        self._prefix = prefix
        self._ids: dict[str, str] = {}

    def read(self) -> dict[str, Any]:
        """Return the content of every key, by its name without the prefix."""
        found = self._redis.scan_iter(match=f"{self._prefix}*", count=10_000)
        names = sorted(name.removeprefix(self._prefix) for name in found)
        ids = sorted({i for name in names for i in _ID.findall(name)})
        self._ids = {found: f"id{n}" for n, found in enumerate(ids)}
        return {self._plain(name): self._content(name) for name in names}

    def _content(self, name: str) -> Any:
        redis, key = self._redis, self._prefix + name
        kind = redis.type(key)
        if kind == "hash":
            return self._fields(redis.hgetall(key))
        if kind == "zset" and name.startswith(("q:", "park:")):
            return [self._plain(m) for m in redis.zrange(key, 0, -1)]  # their order counts
        if kind == "zset":
            pairs = redis.zrange(key, 0, -1, withscores=True)
            return {self._plain(m): "T" if _LEAST_MS < s < _MOST_MS else s for m, s in pairs}
        if kind == "set":
            return {self._plain(m) for m in redis.smembers(key)}
        if kind == "list":
            return [self._plain(line) for line in redis.lrange(key, 0, -1)]
        if kind == "stream":
            told = [self._fields(fields) for _, fields in redis.xrange(key)]
            # A hint that comes twice is a hint.
            return {str(t) for t in told} if name.startswith("in:") else told
        return self._plain(redis.get(key))

    def _fields(self, stored: dict[str, str]) -> dict[str, str]:
        return {
            "wait" if _TIMED.fullmatch(name) else self._plain(name): "T"
            if name in _SINCE
            else self._plain(value)
            for name, value in stored.items()
            if name != "order"
        }

    def _plain(self, text: str) -> str:
        return _TIME.sub("T", _ID.sub(lambda found: self._ids.get(found[0], "id"), text))
