"""A Redis client whose errors are ours, so that nothing above broker/ knows the client's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

from . import expired_certificate
from .errors import BrokerUnavailable, CertificateExpired, ServerReadOnly
from .failures import translate


@contextmanager
def translated(
    where: str, *, user: str = "", command: str = "", has_answered: bool = False
) -> Iterator[None]:
    """Turn the client's errors into ours.

    Args:
        where: the address, without its password.
        user: whom the client logged in as; empty for Redis' own default user.
        command: that is sent, if it is one.
        has_answered: this client got answers there before.

    Raises:
        BrokerUnavailable, BrokerRefused, AccessDenied: see errors.py. Anything else that the
            server refuses is a bug of ours and stays as it is.
    """
    try:
        yield
    except RedisError as e:
        error = translate(e, where, user=user, command=command, has_answered=has_answered)
        if error is None:
            raise
        raise error from e
    except RuntimeError as e:
        # uvloop's word for a socket that the other side reset a moment before it was written to.
        if "the handler is closed" not in str(e):
            raise
        raise BrokerUnavailable(f"cannot reach redis at {where}: the connection was reset") from e


class TranslatedPipeline(Pipeline):
    """The pipeline of a TranslatedRedis."""

    where = "redis"
    user = ""
    has_answered = False

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send all commands at once and return their answers."""
        try:
            with translated(self.where, user=self.user, has_answered=self.has_answered):
                return list(await super().execute(raise_on_error))
        except (ServerReadOnly, CertificateExpired) as e:
            raise await _acted_on(e, self.connection_pool) from e.__cause__


class TranslatedRedis(Redis):
    """The client of everything in broker/."""

    where = "redis"
    user = ""
    has_answered = False
    """At least once."""

    @classmethod
    def at(cls, pool: ConnectionPool, where: str, *, user: str = "") -> "TranslatedRedis":
        """Return a client that owns a pool; `where` is the address without its password."""
        client: TranslatedRedis = cls.from_pool(pool)  # type: ignore[assignment]
        client.where, client.user = where, user
        return client

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its answer."""
        try:
            command, has_answered = str(args[0]), self.has_answered
            with translated(self.where, user=self.user, command=command, has_answered=has_answered):
                reply = await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except (ServerReadOnly, CertificateExpired) as e:
            raise await _acted_on(e, self.connection_pool) from e.__cause__
        self.has_answered = True
        return reply

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline whose errors are ours too."""
        pipe = TranslatedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipe.where, pipe.user, pipe.has_answered = self.where, self.user, self.has_answered
        return pipe


async def raise_ours(redis: Any, error: Exception) -> NoReturn:
    """Raise ours for an error of the client that a pipeline of `redis` returned."""
    where, user = getattr(redis, "where", "redis"), getattr(redis, "user", "")
    try:
        with translated(where, user=user, has_answered=True):
            raise error
    except (ServerReadOnly, CertificateExpired) as e:
        if not isinstance(error, RedisError):  # ours already
            raise
        raise await _acted_on(e, redis.connection_pool) from e.__cause__


async def _acted_on(error: BrokerUnavailable, pool: ConnectionPool) -> BrokerUnavailable:
    """Return an error, with what can be found out about it; leave a server that is a replica now."""
    if isinstance(error, ServerReadOnly):  # the next connection may find the primary
        await pool.disconnect(inuse_connections=False)
    place = pool.connection_kwargs
    if isinstance(error, CertificateExpired) and "host" in place:
        described = await expired_certificate.describe(place["host"], place["port"])
        return CertificateExpired(error.where, described)
    return error
