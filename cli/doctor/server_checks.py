"""Looks at the server, and at who works for it."""

import socket
import time
from typing import TYPE_CHECKING, Final

import anyio

from ... import __version__
from ...broker import urls
from ...broker.embedded import binary
from ...broker.errors import AccessDenied, BrokerUnavailable, RqAgentError
from ...broker.queues import list_queues, with_light_tasks
from ...broker.replacement import Replacements
from ...broker.schedules import Schedules
from ...broker.server_health import examine
from ..alive import live_workers
from ..broker_url import existing_url
from ..config import Settings
from ..connected import connected
from . import fleet_rules, loss_rules, server_rules
from .finding import Finding, fail, ok, warn

if TYPE_CHECKING:
    from ...broker.namespace import Namespace

REACH_S: Final = 2.8
FLEET_S: Final = 1.0


async def server(settings: Settings) -> list[Finding]:
    """Can the server be reached and used; then who works for it. Takes REACH_S + FLEET_S at most."""
    found: list[Finding] = []
    try:
        with anyio.move_on_after(REACH_S) as scope:
            url = await anyio.to_thread.run_sync(existing_url, settings, abandon_on_cancel=True)
            if url is None:
                return [await anyio.to_thread.run_sync(_embedded, abandon_on_cancel=True)]
            await _resolve(url)
            async with connected(url, settings.namespace) as namespace:
                found = server_rules.findings(await examine(namespace.redis, url))
                scope.deadline = anyio.current_time() + FLEET_S
                found += await _fleet(namespace)
    except RqAgentError as e:
        return [*found, _unusable("workers" if found else "redis", e)]
    if scope.cancelled_caught and not found:
        where = urls.redacted(settings.url) if settings.url else "the embedded server"
        found = [fail("redis", f"{where} does not answer within {REACH_S:.0f} s", _AWAY)]
    elif scope.cancelled_caught:
        found.append(warn("workers", "the server was too slow to tell who is there", ""))
    return found


_AWAY: Final = "see that it runs, and that a firewall lets this machine through"


async def _fleet(namespace: "Namespace") -> list[Finding]:
    queues = await list_queues(namespace)
    light = await with_light_tasks(namespace, [queue.name for queue in queues])
    return [
        *loss_rules.loss(await Replacements(namespace).last(), time.time()),
        *fleet_rules.workers(await live_workers(namespace), __version__),
        *fleet_rules.queues(queues, light),
        fleet_rules.schedules(await Schedules(namespace).list(), time.time()),
    ]


async def _resolve(url: str) -> None:
    """Look the hosts up in threads that may be left behind: the client's own wait for them."""
    address = urls.parse(url)
    hosts = address.sentinels or (((address.host, address.port),) if address.host else ())
    for host, port in hosts:
        try:
            await anyio.to_thread.run_sync(socket.getaddrinfo, host, port, abandon_on_cancel=True)
        except socket.gaierror as e:
            problem = f"the host {host} is not known: {e.strerror}; see the name and your resolver"
            raise BrokerUnavailable(problem) from e


def _embedded() -> Finding:
    try:
        found = binary.find()
    except BrokerUnavailable as e:
        return fail("redis", str(e))
    return ok("redis", f"embedded {found.version}: starts with the first task")


def _unusable(name: str, error: RqAgentError) -> Finding:
    if isinstance(error, AccessDenied):
        return fail(name, str(error), "see rq-agent context show; join again if it was revoked")
    return fail(name, str(error))  # says what to do
