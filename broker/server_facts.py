"""Whether a Redis server is one that nothing is lost on."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec

from . import client_errors, urls
from .errors import BrokerRefused, BrokerUnavailable
from .server_checks import Check, Verdict, setting_checks, told_checks
from .server_rules import SETTINGS

if TYPE_CHECKING:
    from redis.asyncio import Redis

OLDEST: Final = (6, 2)


class ServerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says about itself."""

    product: str
    """`redis` or `valkey`."""
    version: str
    run_id: str
    """Another one means that the server process is another one."""
    role: str
    policy: str
    """`maxmemory-policy`."""
    max_memory_bytes: int
    """0: no limit."""
    appends: bool
    """It writes an append-only file."""
    replicas: int
    """That are connected."""
    checks: tuple[Check, ...]
    """What is good or bad about it; nothing that prevents work."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is bad about it, for people."""
        return tuple(c.words for c in self.checks if c.verdict is Verdict.WARN)


async def check_server(
    redis: "Redis", url: str = "", *, allow_eviction: bool = False
) -> ServerFacts:
    """Ask a server for its facts and judge them.

    Raises:
        BrokerRefused: older than 6.2, a replica, or it evicts keys (unless that is allowed).
        BrokerUnavailable: it does not answer, or is still loading.
    """
    from .connection import redis_errors

    with redis_errors(url):
        reply = await redis.info()
    return judge(reply, where=urls.redacted(url), allow_eviction=allow_eviction)


async def check_settings(redis: "Redis", facts: ServerFacts, url: str = "") -> ServerFacts:
    """Return the facts with checks of the server's settings, which INFO does not tell."""
    from .connection import redis_errors

    pipe = redis.pipeline(transaction=False)
    for name in SETTINGS:
        pipe.config_get(name)  # one by one: 6.2 takes no more
    with redis_errors(url):
        replies: list[Any] = await pipe.execute(raise_on_error=False)
    settings: dict[str, str] = {}
    is_refused = False
    for reply in replies:
        # Not allowed, or not known to a managed server.
        if isinstance(reply, client_errors.ResponseError):
            is_refused = True
        elif isinstance(reply, Exception):
            raise reply
        else:
            settings |= {str(name): str(value) for name, value in reply.items()}
    found = setting_checks(None if is_refused else settings, facts.replicas)
    checks = (*facts.checks, *found)
    return msgspec.structs.replace(facts, checks=checks)


def refuse_warnings(checks: Iterable[Check], url: str = "") -> None:
    """Raise BrokerRefused if any of the checks warns; names all that do."""
    if bad := [f"{c.name}: {c.words}" for c in checks if c.verdict is Verdict.WARN]:
        raise BrokerRefused(f"redis at {urls.redacted(url)} is not safe enough: {'; '.join(bad)}")


def judge(
    reply: Mapping[str, object], *, where: str = "the given URL", allow_eviction: bool = False
) -> ServerFacts:
    """Return the facts in a reply to INFO, if the server is acceptable. Pure."""
    said = {name: str(value) for name, value in reply.items()}
    facts = _facts(said)
    if said.get("loading") == "1":
        raise BrokerUnavailable(f"redis at {where} is still loading its data: try again later")
    if problem := _problem(said, facts, allow_eviction=allow_eviction):
        raise BrokerRefused(f"redis at {where} {problem}")
    return facts


def numbers(version: str) -> tuple[int, ...]:
    """Return the leading numbers of a version: (9, 1, 2) for `9.1.2-rc1`."""
    found = []
    for part in version.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        found.append(int(digits))
        if digits != part:
            break
    return tuple(found)


def _facts(said: Mapping[str, str]) -> ServerFacts:
    is_valkey = "valkey_version" in said
    version = said.get("valkey_version" if is_valkey else "redis_version", "0")
    product = "valkey" if is_valkey else "redis"
    return ServerFacts(
        product=product,
        version=version,
        run_id=said.get("run_id", ""),
        role=said.get("role", ""),
        policy=said.get("maxmemory_policy", "noeviction"),
        max_memory_bytes=int(said.get("maxmemory", "0")),
        appends=said.get("aof_enabled") == "1",
        replicas=int(said.get("connected_slaves", "0")),
        checks=tuple(told_checks(said, product, numbers(version))),
    )


def _problem(said: Mapping[str, str], facts: ServerFacts, *, allow_eviction: bool) -> str:
    # What Valkey calls redis_version is the version of Redis that it is compatible with.
    spoken = said.get("redis_version", facts.version)
    if numbers(spoken) < OLDEST:
        return f"is {facts.product} {facts.version}, too old: 6.2 or newer is needed"
    if said.get("redis_mode") == "sentinel" or said.get("server_mode") == "sentinel":
        return "is a sentinel: give the URL of the primary"
    if facts.role == "slave":
        primary = f"{said.get('master_host', '?')}:{said.get('master_port', '?')}"
        return f"is a read-only replica: connect to its primary, {primary}"
    if facts.policy != "noeviction" and not allow_eviction:
        return (
            f"evicts keys when its memory is full (maxmemory-policy {facts.policy}), so tasks "
            "would be lost: CONFIG SET maxmemory-policy noeviction"
        )
    return ""
