"""From settings, which are those of the terminal, to connections and a signing key."""

import logging
from typing import Final

import anyio.to_thread
import msgspec

from ..broker.keypair import KeyPair
from ..broker.namespace import Namespace
from ..broker.server_facts import check_server
from ..cli import identity
from ..cli.broker_url import working_url
from ..cli.config import Said, Settings, load

_FIRST_ANSWER_S: Final = 10.0

_log = logging.getLogger("rq_agent.api")


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """What a client works with."""

    url: str
    """With its password."""
    namespace: str
    queue: str
    """Where tasks go that name none."""
    user: str
    pair: KeyPair


async def settle(*, url: str | None, namespace: str | None, context: str | None) -> Opening:
    """Return what the terminal would work with; start the embedded server where none is named.

    Raises:
        UsageError, SelectorError: a setting is wrong; names it.
        TrustError: the user's own key can't be used.
    """
    said = Said(redis=url or "", context=context or "", namespace=namespace or "")
    return await anyio.to_thread.run_sync(_settle, said)


def _settle(said: Said) -> Opening:
    settings: Settings = load(said)
    return Opening(
        url=working_url(settings),
        namespace=settings.namespace,
        queue=settings.service_queue,
        user=identity.user_name(),
        pair=identity.own_key(settings.home),
    )


async def connect(opening: Opening) -> Namespace:
    """Return a namespace on a server that was looked at; its client has to be closed.

    Raises:
        BrokerUnavailable: it does not answer, or is none that we can use.
    """
    from ..broker import connection

    redis = connection.connect(opening.url, namespace=opening.namespace)
    try:
        with connection.redis_errors(opening.url):
            facts = await check_server(redis, opening.url)
            opened = await Namespace.open(redis, opening.namespace)
    except BaseException:
        await redis.aclose()
        raise
    for warning in facts.warnings:
        _log.warning("%s", warning)
    return opened


def connect_blocking(opening: Opening, *, block_s: float) -> Namespace:
    """Return the same on a connection for reads that block; its client has to be closed."""
    from ..broker import connection

    redis = connection.blocking_connection(
        opening.url, block_s=block_s, namespace=opening.namespace
    )
    return Namespace(redis, opening.namespace)
