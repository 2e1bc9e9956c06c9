"""Short questions to the server at an endpoint, asked synchronously while a lock is held."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Final

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..errors import AccessDenied
from ..failures import translate
from ..keys import leases, prefix
from .endpoint import Endpoint
from .versions import ServerVersion

_TIMEOUT_S: Final = 2.0
_SCAN_STEP: Final = 10_000


class Answer(Enum):
    """What came back."""

    READY = "ready"
    LOADING = "loading"
    NONE = "none"


def ask(server: Endpoint) -> Answer:
    """Return whether a server answers.

    Raises:
        AccessDenied: it does, and refuses the login.
    """
    try:
        with _client(server) as client:
            client.ping()
    except redis.exceptions.BusyLoadingError:
        return Answer.LOADING
    except redis.exceptions.AuthenticationError as e:
        raise AccessDenied(f"the server at {server.socket} refuses the login: {e}") from e
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
        return Answer.NONE
    except redis.exceptions.ResponseError:  # BUSY: a long script runs
        return Answer.READY
    return Answer.READY


def is_there(socket: Path) -> bool:
    """Return whether some server has the socket, whoever may log in."""
    try:
        return ask(Endpoint(socket)) is not Answer.NONE
    except AccessDenied:
        return True


def version(server: Endpoint) -> ServerVersion:
    """Return product and version of a server.

    Raises:
        BrokerUnavailable: it is gone, or busy; so do has_others() and has_leases().
    """
    with _asked(server) as client:
        said = client.info("server")
    if "valkey_version" in said:
        return ServerVersion("valkey", str(said["valkey_version"]))
    return ServerVersion("redis", str(said["redis_version"]))


def has_others(server: Endpoint, *, ignored: Collection[str] = ()) -> bool:
    """Return whether anybody is connected besides us and the clients of these names."""
    with _asked(server) as client:
        own = str(client.client_id())
        return any(
            each["id"] != own and each["name"] not in ignored for each in client.client_list()
        )


def has_leases(server: Endpoint, *, but: str = "") -> bool:
    """Return whether a task of any namespace but one is running. Walks over all keys."""
    own = leases(prefix(but)) if but else ""
    pattern = leases(prefix("*"))
    with _asked(server) as client:
        return any(key != own for key in client.scan_iter(pattern, count=_SCAN_STEP))


def curb_scripts(server: Endpoint, *, most_bytes: int) -> tuple[str | None, int]:
    """End the script that a server is busy with, and forget all where they are too large.

    Returns:
        Its refusal to end it, None if it is not busy; and how large scripts were forgotten.

    Raises:
        BrokerUnavailable: the server is gone.
    """
    with _asked(server) as client:
        try:
            memory = client.info("memory")
        except redis.exceptions.ResponseError as e:
            if not str(e).startswith("BUSY "):
                raise
        else:
            held_bytes = int(memory.get("used_memory_scripts", 0))
            if held_bytes <= most_bytes:
                return None, 0
            client.script_flush("ASYNC")
            return None, held_bytes
        try:
            client.script_kill()
        except redis.exceptions.ResponseError as e:
            return (None if str(e).startswith("NOTBUSY") else str(e)), 0
    return "", 0


def shut_down(server: Endpoint) -> str:
    """Ask the server to write everything and end. Return its refusal, if any."""
    try:
        with _client(server) as client:
            client.shutdown()
    except redis.exceptions.TimeoutError:
        return ""  # it writes for longer than we wait here
    except redis.exceptions.RedisError as e:
        return str(e)
    return ""


@contextmanager
def _asked(server: Endpoint) -> Iterator[redis.Redis]:
    """Yield a client whose errors are ours."""
    with _client(server) as client:
        try:
            yield client
        except redis.exceptions.RedisError as e:
            if (error := translate(e, str(server.socket), user=server.user)) is None:
                raise
            raise error from e


@contextmanager
def _client(server: Endpoint) -> Iterator[redis.Redis]:
    with redis.Redis(
        unix_socket_path=str(server.socket),
        username=server.user or None,
        password=server.password or None,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
        single_connection_client=False,
        protocol=2,
        driver_info=None,
        decode_responses=True,
    ) as client:
        yield client
