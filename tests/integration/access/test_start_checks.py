"""What a worker finds wrong with a real server before it starts."""

from pathlib import Path

import pytest

from rq_agent.broker import urls
from rq_agent.broker.connection import connect
from rq_agent.broker.errors import BrokerRefused
from rq_agent.broker.server_checks import Verdict
from rq_agent.broker.server_facts import ServerFacts, check_server, check_settings
from rq_agent.broker.worker_connections import worker_connections

from ..cli.terminal import Terminal
from .guarded import DEPLOY, Guarded
from .launched import Launched

WRONG = (
    *("--appendonly", "no", "--timeout", "300", "--tcp-keepalive", "0"),
    *("--client-output-buffer-limit", "pubsub", "0", "0", "0"),
)
NAMES = {"appendonly", "timeout", "tcp-keepalive", "client-output-buffer-limit"}


async def facts_of(url: str) -> ServerFacts:
    async with connect(url) as redis:
        return await check_settings(redis, await check_server(redis, url), url)


def names_of(facts: ServerFacts, verdict: Verdict) -> set[str]:
    return {check.name for check in facts.checks if check.verdict is verdict}


async def open_worker(url: str, *, strict: bool) -> tuple[list[str], list[str]]:
    """Connect as a worker does; return what it is warned of and what it could not check."""
    warned: list[str] = []
    noted: list[str] = []
    async with worker_connections(
        url,
        "lab",
        lease_ms=60_000,
        beat_ms=5_000,
        block_ms=50,
        on_restart=lambda: None,
        warn=warned.append,
        note=noted.append,
        strict=strict,
    ):
        return warned, noted


async def test_the_settings_of_deploy_leave_nothing_to_warn_of(
    launched: Launched, kind: str
) -> None:
    url = urls.of_socket(launched.on_socket(kind, str(DEPLOY / "rq-agent.conf")))

    warned, noted = await open_worker(url, strict=True)

    assert warned == []
    assert names_of(await facts_of(url), Verdict.UNKNOWN) <= {"version"}
    assert [line.startswith("not checked: version: ") for line in noted] in ([], [True])


async def test_each_wrong_setting_is_named(launched: Launched, kind: str) -> None:
    url = urls.of_socket(launched.on_socket(kind, *WRONG))

    facts = await facts_of(url)

    assert names_of(facts, Verdict.WARN) == NAMES
    warned, _ = await open_worker(url, strict=False)
    assert warned == list(facts.warnings)
    with pytest.raises(BrokerRefused, match="is not safe enough: ") as caught:
        await open_worker(url, strict=True)
    assert all(f"{name}: " in str(caught.value) for name in NAMES)


@pytest.mark.parametrize("kind", ["redis", "valkey"], indirect=True)
async def test_a_limit_on_clients_is_named(launched: Launched, kind: str) -> None:
    options = ("--maxmemory-clients", "10mb", "--hash-max-listpack-value", "32")
    url = urls.of_socket(launched.on_socket(kind, "--appendonly", "yes", *options))

    facts = await facts_of(url)

    assert names_of(facts, Verdict.WARN) == {"maxmemory-clients", "hash-max-listpack-value"}


async def test_a_server_that_may_not_be_asked_is_not_refused_for_it(guarded: Guarded) -> None:
    async with connect(guarded.url("admin")) as redis:
        await redis.config_set("timeout", 300)
        seen_by_admin = await facts_of(guarded.url("admin"))
        seen_by_worker = await facts_of(guarded.url("worker"))
        await redis.config_set("timeout", 0)

    assert "timeout" in names_of(seen_by_admin, Verdict.WARN)
    assert "timeout" in names_of(seen_by_worker, Verdict.UNKNOWN)
    assert "timeout" not in names_of(seen_by_worker, Verdict.WARN)


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    (tmp_path / "cache").mkdir()
    return Terminal(tmp_path, tmp_path / "cache")


def test_a_strict_worker_does_not_start_there(launched: Launched, terminal: Terminal) -> None:
    socket = launched.on_socket("redis", "--appendonly", "no")
    terminal.environ["RQ_AGENT_REDIS_URL"] = urls.of_socket(socket)

    told = terminal("work", "--once", "--gpus", "none")
    by_option = terminal("work", "--once", "--gpus", "none", "--strict")
    (terminal.home / "config").mkdir(exist_ok=True)
    (terminal.home / "config" / "config.toml").write_text("[redis]\nstrict = true\n")
    by_file = terminal("work", "--once", "--gpus", "none")

    assert told.returncode == 0, told.stderr.decode()
    assert told.stderr.count(b"the server keeps no append-only file") == 1
    assert b"ready" in told.stderr
    for refused in (by_option, by_file):
        assert refused.returncode == 5, refused.stderr.decode()
        assert b"is not safe enough: appendonly: the server keeps no" in refused.stderr
        assert b"ready" not in refused.stderr
