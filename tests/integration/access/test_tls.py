"""TLS on a real server: Debian's speaks it, those of the wheels don't."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from rq_agent.broker import connection
from rq_agent.broker.connection import blocking_connection, connect
from rq_agent.broker.errors import BrokerUnavailable, CertificateExpired
from rq_agent.broker.namespace import Namespace

from ...scripts.steps import add, claim_one
from .certificates import Authority
from .launched import Launched


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def start(launched: Launched, authority: Authority, *, clients: str = "no") -> int:
    """Start a server that only speaks TLS, with a certificate for `localhost`."""
    certificate, key = authority.issue("localhost")
    return launched.on_port(
        "redis",
        *("--port", "0", "--tls-auth-clients", clients),
        *("--tls-cert-file", str(certificate), "--tls-key-file", str(key)),
        *("--tls-ca-cert-file", str(authority.certificate)),
        option="--tls-port",
    )


async def refusal(url: str) -> str:
    async with connect(url) as redis:
        with pytest.raises(BrokerUnavailable) as caught:
            await redis.ping()
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


async def test_a_server_with_tls_serves_both_connections(
    launched: Launched, authority: Authority
) -> None:
    port = start(launched, authority)
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={authority.certificate}"

    async with connect(url) as redis, blocking_connection(url) as blocking:
        ns = await Namespace.open(redis, "lab")
        (task_id,) = await add(ns)
        assert (await claim_one(ns)).task_id == task_id
        assert not await blocking.xread({"nothing": "0"}, block=10)


async def test_another_authority_is_not_trusted(
    launched: Launched, authority: Authority, tmp_path: Path
) -> None:
    port = start(launched, authority)
    wrong = Authority(tmp_path / "other").certificate

    for option in ("", f"?ssl_ca_certs={wrong}"):
        said = await refusal(f"rediss://:hunter2@localhost:{port}/0{option}")
        assert "its certificate is not trusted" in said
        assert "name its CA with ?ssl_ca_certs=FILE" in said


async def test_another_host_name_is_named(launched: Launched, authority: Authority) -> None:
    port = start(launched, authority)

    said = await refusal(f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={authority.certificate}")

    assert "its certificate is for another host" in said
    assert "127.0.0.1" in said


async def test_a_certificate_that_expired_is_named_and_its_renewal_is_enough(
    launched: Launched, authority: Authority
) -> None:
    port = start(launched, authority)
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={authority.certificate}"
    yesterday = datetime.now(UTC) - timedelta(hours=2)

    async with connect(url) as redis, Redis.from_url(url) as owner:
        await owner.ping()
        await renew(owner, authority.issue("localhost", life=timedelta(hours=-2)))
        for step in (redis.ping, redis.pipeline(transaction=False).ping().execute):  # type: ignore[attr-defined]
            with pytest.raises(CertificateExpired) as caught:
                await step()
            said = str(caught.value)
            assert f"its certificate (of 'localhost', valid until {yesterday:%Y-%m-%d %H:}" in said
            assert "has to renew it" in said
        await renew(owner, authority.issue("localhost"))
        assert await redis.ping()


async def renew(owner: Redis, files: tuple[Path, Path]) -> None:
    """Let the server show another certificate to those who connect from now on."""
    certificate, key = files
    await owner.config_set("tls-cert-file", str(certificate), "tls-key-file", str(key))


async def test_plain_text_to_a_port_with_tls_is_refused(
    launched: Launched, authority: Authority
) -> None:
    port = start(launched, authority)

    said = await refusal(f"redis://:hunter2@localhost:{port}/0")

    assert "it closed the connection; a server that speaks only TLS wants rediss://" in said


async def test_tls_to_a_port_without_it_is_refused(
    launched: Launched, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT_S", 0.3)
    port = launched.on_port("redis")

    said = await refusal(f"rediss://localhost:{port}/0?ssl_ca_certs={authority.certificate}")

    assert "does it speak TLS? A plain server wants redis://" in said


async def test_a_server_that_wants_a_certificate_of_clients_gets_one(
    launched: Launched, authority: Authority
) -> None:
    port = start(launched, authority, clients="yes")
    certificate, key = authority.issue("client")
    url = f"rediss://localhost:{port}/0?ssl_ca_certs={authority.certificate}"

    async with connect(f"{url}&ssl_certfile={certificate}&ssl_keyfile={key}") as redis:
        assert await redis.ping()
    assert "wants a certificate of this client: ?ssl_certfile=FILE" in await refusal(url)
