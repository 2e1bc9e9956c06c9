"""What settings mean."""

from pathlib import Path

import pytest

from rq_agent.broker.embedded.layout import Layout
from rq_agent.broker.embedded.settings import config_text, default_max_memory_bytes
from rq_agent.broker.errors import BrokerRefused
from rq_agent.broker.server_checks import (
    Check,
    Verdict,
    setting_checks,
    told_checks,
    unknown,
    unknown_lines,
    warn,
)
from rq_agent.broker.server_facts import refuse_warnings
from rq_agent.broker.server_rules import SETTINGS

GOOD = {
    "appendfsync": "everysec",
    "timeout": "0",
    "tcp-keepalive": "300",
    "maxmemory-clients": "0",
    "hash-max-listpack-value": "64",
    "client-output-buffer-limit": "normal 0 0 0 slave 268435456 0 0 pubsub 33554432 8388608 60",
    "min-replicas-to-write": "0",
}


def verdicts(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.verdict for check in checks if check.verdict is not Verdict.OK}


def test_good_settings_pass_and_those_that_a_version_lacks_are_left_out() -> None:
    checks = setting_checks(GOOD, replicas=0)

    assert verdicts(checks) == {}
    assert {check.name for check in checks} == set(GOOD)


@pytest.mark.parametrize(
    ("name", "value", "replicas", "words"),
    [
        ("appendfsync", "no", 0, "appendfsync everysec"),
        ("timeout", "300", 0, "hangs up after 300 s"),
        ("tcp-keepalive", "0", 0, "tcp-keepalive 60"),
        ("tcp-keepalive", "7200", 0, "tcp-keepalive 60"),
        ("maxmemory-clients", "100mb", 0, "maxmemory-clients 0"),
        ("maxmemory-clients", "134217728", 0, "maxmemory-clients 0"),
        ("hash-max-listpack-value", "32", 0, "64 or more"),
        ("hash-max-ziplist-value", "32", 0, "64 or more"),
        ("client-output-buffer-limit", "normal 0 0 0 pubsub 0 0 0", 0, "pubsub 32mb"),
        ("min-replicas-to-write", "0", 2, "min-replicas-to-write 1"),
    ],
)
def test_a_setting_that_tasks_get_lost_over_is_named(
    name: str, value: str, replicas: int, words: str
) -> None:
    of_this_version = {
        n: v for n, v in GOOD.items() if "ziplist" not in name or "listpack" not in n
    }

    checks = setting_checks(of_this_version | {name: value}, replicas)

    assert verdicts(checks) == {name: "warn"}
    assert [words in check.words for check in checks if check.words] == [True]


def test_settings_that_may_not_be_asked_for_are_unknown() -> None:
    checks = setting_checks(None, replicas=0)

    assert verdicts(checks) == dict.fromkeys(SETTINGS, "unknown")
    assert len(unknown_lines(checks)) == 1
    assert f"not checked: {len(SETTINGS)} settings of the server: " in unknown_lines(checks)[0]
    assert "not checked: appendfsync, timeout: CONFIG" in unknown_lines(checks[:2])[0]


def test_nothing_is_warned_of_that_the_embedded_server_sets_itself() -> None:
    text = config_text(
        Layout(Path("/h")),
        Path("/s"),
        max_memory_bytes=max(256 * 1024 * 1024, default_max_memory_bytes()),
    )
    said = {line.partition(" ")[0]: line.partition(" ")[2] for line in text.splitlines()}
    own = {name: value for name, value in said.items() if name in SETTINGS and "output" not in name}

    assert verdicts(setting_checks(GOOD | own, replicas=0)) == {}


@pytest.mark.parametrize(
    ("product", "version", "verdict"),
    [
        ("redis", (6, 2, 20), "ok"),
        ("redis", (7, 2, 11), "ok"),
        ("redis", (8, 4, 0), "ok"),
        ("valkey", (9, 1, 2), "ok"),
        ("valkey", (8, 1, 4), "ok"),
        ("redis", (6, 2, 14), "unknown"),
        ("redis", (7, 0, 15), "unknown"),
        ("redis", (8, 2, 1), "unknown"),
        ("valkey", (8, 1), "unknown"),
    ],
)
def test_an_old_version_is_no_proof(product: str, version: tuple[int, ...], verdict: str) -> None:
    said = {"maxmemory_policy": "noeviction", "aof_enabled": "1"}

    (first, *others) = told_checks(said, product, version)

    assert (first.name, first.verdict) == ("version", verdict)
    assert ("CVE-2025-49844" in first.words) == (verdict != "ok")
    assert verdicts(others) == {}


def test_what_info_does_not_say_is_unknown() -> None:
    checks = told_checks({}, "redis", (8, 4, 0))

    assert verdicts(checks) == {"maxmemory-policy": "unknown", "appendonly": "unknown"}


def test_a_file_that_can_not_be_written_is_warned_of() -> None:
    said = {"maxmemory_policy": "noeviction", "aof_enabled": "1", "aof_last_write_status": "err"}

    assert verdicts(told_checks(said, "redis", (8, 4, 0))) == {"appendonly": "warn"}


def test_strict_names_every_warning_and_lets_the_unknown_pass() -> None:
    refuse_warnings([unknown("timeout", "who knows")], "redis://ann:hunter2@lab")

    with pytest.raises(BrokerRefused, match=r"safe enough: timeout: a; appendonly: b$") as caught:
        refuse_warnings([warn("timeout", "a"), warn("appendonly", "b")], "redis://ann:hunter2@lab")
    assert "hunter2" not in str(caught.value)
