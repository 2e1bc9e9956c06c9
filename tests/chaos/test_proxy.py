"""The proxy itself: each fault does what its name says, and ends when it is told."""

import time
from collections.abc import Iterator

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, TimeoutError
from redis.retry import Retry

from tests.servers import Servers

from .proxied import Faults, Way
from .proxy import Proxy


@pytest.fixture
def proxy(servers: Servers) -> Iterator[Proxy]:
    with Proxy(servers.socket("redis")) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: Proxy) -> Iterator[Redis]:
    client = Redis(
        port=proxy.port, socket_timeout=0.3, socket_connect_timeout=0.3, retry=Retry(NoBackoff(), 0)
    )
    yield client
    client.close()


def test_bytes_pass_unchanged(client: Redis) -> None:
    said = bytes(range(256)) * 4_000

    assert client.echo(said) == said


def test_a_delay_is_added_each_way(proxy: Proxy, client: Redis) -> None:
    client.ping()
    proxy.inject(Faults(delay_s=0.1))
    began_s = time.monotonic()

    client.ping()

    assert time.monotonic() - began_s >= 0.2


@pytest.mark.parametrize("way", list(Way))
def test_a_black_hole_costs_the_connection_and_no_other_one(
    proxy: Proxy, client: Redis, way: Way
) -> None:
    client.ping()
    proxy.inject(Faults(lost=frozenset({way})))
    with pytest.raises(TimeoutError):
        client.ping()

    proxy.heal()

    assert client.ping()
    assert proxy.accepted == 2


def test_what_is_held_arrives_when_the_fault_ends(proxy: Proxy, client: Redis) -> None:
    client.delete("held")
    proxy.inject(Faults(held=frozenset({Way.UP})))
    with pytest.raises(TimeoutError):
        client.incr("held")

    proxy.heal()

    while client.get("held") is None:  # sent on another connection: either may come first
        pass
    assert client.getdel("held") == b"1"


def test_one_byte_a_second_is_too_slow_for_an_answer(proxy: Proxy, client: Redis) -> None:
    client.ping()
    proxy.inject(Faults(bytes_per_s=1))
    with pytest.raises(TimeoutError):
        client.ping()

    proxy.heal()

    assert client.ping()


def test_a_half_open_connection_looks_alive_and_is_dead(proxy: Proxy, client: Redis) -> None:
    client.ping()
    proxy.half_open()

    with pytest.raises(TimeoutError):
        client.ping()

    assert client.ping()


def test_resets_and_refusals_are_errors_at_once(proxy: Proxy, client: Redis) -> None:
    client.ping()
    proxy.reset()
    client.ping()
    assert proxy.accepted == 2  # the client saw the end before it used the connection
    proxy.reset()
    proxy.inject(Faults(resets_new=True))
    with pytest.raises(ConnectionError):
        client.ping()
    proxy.refuse()
    with pytest.raises(ConnectionError, match="refused"):
        client.ping()

    proxy.heal()

    assert client.ping()


def test_a_cut_reply_belongs_to_a_command_that_was_executed_once(
    proxy: Proxy, client: Redis
) -> None:
    client.delete("n")
    cut = proxy.cut(lambda command: command[0] == b"INCRBY", skip=1)

    assert client.incr("n") == 1
    with pytest.raises(ConnectionError):
        client.incr("n")
    assert cut.done.is_set()
    assert client.incr("n") == 3
    client.delete("n")


def test_it_leads_to_another_server_when_switched(
    proxy: Proxy, client: Redis, servers: Servers
) -> None:
    first = client.info("server")["run_id"]

    proxy.switch(servers.socket("valkey"))

    assert client.info("server")["run_id"] != first
