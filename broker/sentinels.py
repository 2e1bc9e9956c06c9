"""Finding the primary through Redis Sentinel, again with every new connection."""

from typing import Any

from redis.asyncio.connection import Connection, ConnectionPool
from redis.asyncio.sentinel import (
    MasterNotFoundError,
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.exceptions import ResponseError

from .urls import Address


class _Pool(SentinelConnectionPool):
    """A pool that also closes its connections to the sentinels."""

    async def get_master_address(self) -> Any:
        try:
            return await super().get_master_address()  # type: ignore[no-untyped-call]
        except ResponseError as e:
            # Else it would read as the primary's own refusal of the user in the URL.
            raise MasterNotFoundError(f"a sentinel says: {e}") from None

    async def aclose(self) -> None:
        await super().aclose()
        await self.sentinel_manager.aclose()


def sentinel_pool(address: Address, *, place: dict[str, Any], **options: Any) -> ConnectionPool:
    """Return a pool whose connections go to the primary of the moment.

    Args:
        address: with sentinels.
        place: login and TLS of the primary; the sentinels have a login of their own.
        options: of every connection to the primary; its time limits are those of sentinels too.
    """
    tls = {name: value for name, value in place.items() if name.startswith("ssl_")}
    sentinels = Sentinel(  # type: ignore[no-untyped-call]
        address.sentinels,
        sentinel_kwargs={
            **{name: options[name] for name in ("retry", "protocol", "driver_info")},
            "socket_timeout": options["socket_connect_timeout"],
            "socket_connect_timeout": options["socket_connect_timeout"],
            "username": address.sentinel_username or None,
            "password": address.sentinel_password or None,
            "ssl": address.uses_tls,
            **tls,
        },
    )
    managed: type[Connection] = (
        SentinelManagedSSLConnection if address.uses_tls else SentinelManagedConnection
    )
    return _Pool(  # type: ignore[no-untyped-call]
        address.service, sentinels, connection_class=managed, **place, **options
    )
