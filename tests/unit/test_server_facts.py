"""Judgement over what a server says about itself."""

import pytest

from rq_agent.broker.errors import BrokerRefused, BrokerUnavailable
from rq_agent.broker.server_facts import judge, numbers

GOOD = {
    "redis_version": "7.0.15",
    "run_id": "abc",
    "role": "master",
    "maxmemory_policy": "noeviction",
    "maxmemory": 0,
    "aof_enabled": 1,
    "loading": 0,
}


def test_a_good_server_gives_its_facts_and_no_warning() -> None:
    facts = judge(GOOD)

    assert (facts.product, facts.version, facts.run_id) == ("redis", "7.0.15", "abc")
    assert facts.warnings == ()


def test_valkey_goes_by_its_own_version() -> None:
    facts = judge(GOOD | {"redis_version": "7.2.4", "valkey_version": "9.1.2"})

    assert (facts.product, facts.version) == ("valkey", "9.1.2")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"redis_version": "6.0.16"}, "redis 6.0.16, too old: 6.2"),
        ({"redis_version": "5.0"}, "too old"),
        ({"redis_version": ""}, "too old"),
        ({"redis_mode": "sentinel"}, "sentinel: give the URL of the primary"),
        (
            {"role": "slave", "master_host": "lab", "master_port": 7},
            "read-only replica: connect to its primary, lab:7",
        ),
        ({"maxmemory_policy": "allkeys-lru"}, "CONFIG SET maxmemory-policy noeviction"),
        ({"maxmemory_policy": "volatile-ttl"}, "maxmemory-policy volatile-ttl"),
    ],
)
def test_a_server_that_would_lose_tasks_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(BrokerRefused, match=words):
        judge(GOOD | change)


def test_eviction_can_be_allowed_and_is_then_warned_of() -> None:
    facts = judge(GOOD | {"maxmemory_policy": "allkeys-lru"}, allow_eviction=True)

    assert "allkeys-lru" in facts.warnings[0]


def test_a_server_without_append_only_file_is_warned_of() -> None:
    assert "append-only" in judge(GOOD | {"aof_enabled": 0}).warnings[0]


def test_a_loading_server_is_worth_a_later_try() -> None:
    with pytest.raises(BrokerUnavailable, match="still loading") as caught:
        judge(GOOD | {"loading": 1})
    assert not isinstance(caught.value, BrokerRefused)


@pytest.mark.parametrize(
    ("version", "expected"),
    [("9.1.2", (9, 1, 2)), ("7.4-rc1", (7, 4)), ("8.0.0-M03", (8, 0, 0)), ("x", ()), ("", ())],
)
def test_versions_are_compared_by_their_numbers(version: str, expected: tuple[int, ...]) -> None:
    assert numbers(version) == expected
