"""A Redis client whose errors are ours, so that nothing above broker/ knows the client's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import ConnectionPool
from redis.exceptions import RedisError

from .failures import translate


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Turn the client's errors into ours.

    Args:
        where: the address, without its password.

    Raises:
        BrokerUnavailable, BrokerRefused, AccessDenied: see errors.py. Anything else that the
            server refuses is a bug of ours and stays as it is.
    """
    try:
        yield
    except RedisError as e:
        if (error := translate(e, where)) is None:
            raise
        raise error from e


class TranslatedPipeline(Pipeline):
    """The pipeline of a TranslatedRedis."""

    where = "redis"

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send all commands at once and return their answers."""
        with translated(self.where):
            return list(await super().execute(raise_on_error))


class TranslatedRedis(Redis):
    """The client of everything in broker/."""

    where = "redis"

    @classmethod
    def at(cls, pool: ConnectionPool, where: str) -> "TranslatedRedis":
        """Return a client that owns a pool; `where` is the address without its password."""
        client: TranslatedRedis = cls.from_pool(pool)  # type: ignore[assignment]
        client.where = where
        return client

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """Send one command and return its answer."""
        with translated(self.where):
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """Return a pipeline whose errors are ours too."""
        pipe = TranslatedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipe.where = self.where
        return pipe
