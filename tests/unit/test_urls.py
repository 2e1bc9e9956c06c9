"""Addresses that people write."""

import pytest

from rq_agent.broker import urls
from rq_agent.broker.errors import UsageError
from rq_agent.broker.urls import Address, parse


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://lab", Address(host="lab")),
        ("redis://lab:7000/3", Address(host="lab", port=7000, database=3)),
        ("valkey://lab", Address(host="lab")),
        ("REDIS://lab/", Address(host="lab")),
        (" redis://lab \n", Address(host="lab")),
        ("redis://lab?db=2", Address(host="lab", database=2)),
        ("redis://:s%40f%2Fe@lab", Address(host="lab", password="s@f/e")),
        ("redis://ann:pw@lab", Address(host="lab", username="ann", password="pw")),
        ("redis://[::1]:6380", Address(host="::1", port=6380)),
        ("rediss://lab", Address(host="lab", uses_tls=True)),
        ("valkeys://lab", Address(host="lab", uses_tls=True)),
        (
            "rediss://lab?ssl_ca_certs=/ca.pem",
            Address(host="lab", uses_tls=True, tls={"ssl_ca_certs": "/ca.pem"}),
        ),
        ("unix:///run/r.sock", Address(path="/run/r.sock")),
        (
            "unix:///run/r%20r.sock?db=1&password=pw",
            Address(path="/run/r r.sock", database=1, password="pw"),
        ),
        (
            "redis+sentinel://ann:p%2Cw@a,[::1]:5,c:7/mine/2?sentinel_password=sp",
            Address(
                sentinels=(("a", 26379), ("::1", 5), ("c", 7)),
                service="mine",
                database=2,
                username="ann",
                password="p,w",
                sentinel_password="sp",
            ),
        ),
        (
            "valkeys+sentinel://a/mine?ssl_ca_certs=/ca.pem",
            Address(
                sentinels=(("a", 26379),),
                service="mine",
                uses_tls=True,
                tls={"ssl_ca_certs": "/ca.pem"},
            ),
        ),
        ("unix://ann:pw@/run/r", Address(path="/run/r", username="ann", password="pw")),
    ],
)
def test_an_address_is_read_as_it_is_meant(url: str, address: Address) -> None:
    assert parse(url) == address


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "is empty"),
        ("redis:/lab", "no ://"),
        ("lab:6379", "no ://"),
        ("redis://", "names no host"),
        ("redis:///0", "names no host"),
        ("redis://:pw@", "names no host"),
        ("reddis://lab", "did you mean redis://"),
        ("http://lab", "begins with http://"),
        ("redis://la\tb", "has a tab or another control character"),
        ("redis://:p\nw@lab", "has a tab or another control character"),
        ("redis://lab:port", "port of the Redis URL is not a number"),
        ("redis://lab:99999", "port of the Redis URL is not a number"),
        ("redis://lab:0", "port of the Redis URL is not a number"),
        ("redis://lab/first", "database of the Redis URL is not a number"),
        ("redis://lab?timeout=3", "unknown option 'timeout'"),
        ("redis://lab?ssl_ca_certs=/x", "unknown option 'ssl_ca_certs'"),
        ("rediss://lab?ssl_cert_reqs=maybe", "one of: none, optional, required"),
        ("redis://[::1", "broken"),
        ("redis+sentinel://a:1", "names no service"),
        ("redis+sentinel://a:1,/mine", "host:port,host:port"),
        ("redis+sentinel://a:b/mine", "host:port,host:port"),
        ("redis+sentinel://a:0/mine", "host:port,host:port"),
        ("redis+sentinel://a:65536/mine", "host:port,host:port"),
        ("redis+sentinel://a/mine/first", "database of the Redis URL is not a number"),
        ("redis://a?sentinel_password=x", "unknown option 'sentinel_password'"),
        ("unix://run/r.sock", "three slashes"),
        ("unix:///", "names no socket"),
    ],
)
def test_a_typo_is_named(url: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2",
        "redis://ann:hunter2",
        "redis://:hun#ter2@lab",
        "redis://ann:x/hunter2@lab",
        "redis://ann:x?hunter2@lab",
        "redis://ann:hunter2@lab:port",
        "redis://ann:hunter2@lab/first",
        "ann:hunter2@lab",
        "redis:ann:hunter2@lab",
        "reddis://ann:hunter2@lab",
        "redis://ann:hunter2@lab?unknown=1",
        "redis://ann:hunter2@[::1",
        "redis+sentinel://ann:hunter2",
        "redis+sentinel://ann:hunter2@lab",
        "redis+sentinel://ann:x/hunter2@lab/mine",
        "redis+sentinel://ann:x@lab/mine?sentinel_pasword=hunter2",
    ],
)
def test_a_wrong_address_never_shows_its_password(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(url)

    assert "unter2" not in str(caught.value)
    assert "ter2" not in str(caught.value)
    assert urls.redacted(url) == "the given URL"


def test_a_right_address_shows_all_but_its_password() -> None:
    for url in ("redis://ann:hunter2@lab:7/3", "redis://lab:7/3?username=ann&password=hunter2"):
        assert urls.redacted(url) == "redis://ann:***@lab:7/3"
        assert "hunter2" not in repr(parse(url))


def test_the_password_of_a_socket_is_not_shown() -> None:
    assert urls.redacted("unix:///run/r?password=hunter2&db=1") == "unix://:***@/run/r?db=1"


def test_a_shown_address_can_be_read_again() -> None:
    for url in (
        "redis://lab:6379/0",
        "rediss://[::1]:7/3",
        "unix:///run/r?db=1",
        "rediss+sentinel://a:1,[::1]:2/mine/3",
    ):
        assert str(parse(url)) == url
