"""Links to join by: what is in one, and what is said about one that came over broken."""

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.joining.link import JoinLink, encoded, parse

OWNER, PRINT = bytes(range(32)), bytes(range(200, 232))
KEY, HASH = encoded(OWNER), encoded(PRINT)
WHOLE = f"rqa+tls://worker@10.0.0.1:7341/lab?key={KEY}#{HASH}"
LINK = JoinLink(
    role="worker", host="10.0.0.1", port=7341, namespace="lab", owner=OWNER, fingerprint=PRINT
)


@pytest.mark.parametrize("host", ["10.0.0.1", "gpu-1.lab.example", "fd00::1", "::1", "localhost"])
@pytest.mark.parametrize("role", ["submitter", "worker", "viewer", "operator"])
def test_a_link_is_read_as_it_was_written(host: str, role: str) -> None:
    link = JoinLink(
        role=role,  # type: ignore[arg-type]
        host=host,
        port=65_535,
        namespace="a.b-c_9",
        owner=OWNER,
        fingerprint=PRINT,
    )

    assert parse(str(link)) == link


def test_a_link_looks_as_documented() -> None:
    assert str(LINK) == WHOLE
    assert "=" not in HASH
    assert len(HASH) == 43


@pytest.mark.parametrize(
    "copied",
    [
        WHOLE,
        f"  {WHOLE}\n",
        f"'{WHOLE}'",
        f'"{WHOLE}"',
        f"\N{LEFT SINGLE QUOTATION MARK}{WHOLE}\N{RIGHT SINGLE QUOTATION MARK}",
        f"<{WHOLE}>",
        f"`{WHOLE}`",
        WHOLE[:50] + "\n" + WHOLE[50:],
        WHOLE[:50] + "\\\n   " + WHOLE[50:],
        WHOLE[:90] + "\r\n" + WHOLE[90:],
        f"rq-agent join '{WHOLE}'",
        WHOLE + "=",
        WHOLE.replace("rqa+tls", "RQA+TLS"),
    ],
)
def test_what_was_copied_along_does_no_harm(copied: str) -> None:
    assert parse(copied) == LINK


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the link is empty"),
        ("   ", "the link is empty"),
        ("lab", "has no ://"),
        ("redis://10.0.0.1:6379/0", "is the address of a server, not a link .*context add"),
        ("rediss://u:p@10.0.0.1:6379", "is the address of a server"),
        ("unix:///run/s", "is the address of a server"),
        ("https://lab/", "begins with 'https'://, not with rqa"),
        (WHOLE.replace("rqa+tls", "rqa"), "begins with 'rqa'://, not with rqa.tls://"),
        (WHOLE.replace("worker@", ""), "names no role before its @"),
        (WHOLE.replace("worker@", "wroker@"), "role 'wroker' is not known; did you mean worker"),
        (WHOLE.replace("worker@", "root@"), "role 'root' is not known; there is: submitter"),
        (WHOLE.replace("worker@", "worker:pw@"), "has a password: links carry none"),
        (WHOLE.replace("10.0.0.1:7341", ":7341"), "names no host"),
        (WHOLE.replace("10.0.0.1", "10.0.0.1;rm"), "host '10.0.0.1;rm' is not the name of one"),
        (WHOLE.replace(":7341", ""), "names no port"),
        (WHOLE.replace("7341", "0"), "port is not a number from 1 to 65535"),
        (WHOLE.replace("7341", "73410"), "port is not a number from 1 to 65535"),
        (WHOLE.replace("7341", "http"), "port is not a number from 1 to 65535"),
        (WHOLE.replace("10.0.0.1", "[fd00::1"), "broken .IPv6. address"),
        (WHOLE.replace("/lab", "/"), "names no namespace"),
        (WHOLE.replace("/lab", "/la:b"), "namespace 'la:b' can't be one"),
        (WHOLE.replace("/lab", "/a/b"), "namespace 'a/b' can't be one"),
        (WHOLE.replace(f"?key={KEY}", ""), r"has no \?key=, the owner's public key"),
        (WHOLE.replace("?key=", "?k="), "unknown part 'k'"),
        (WHOLE.replace(f"key={KEY}", f"key={KEY}&key={KEY}"), "has two keys"),
        (WHOLE.replace(KEY, KEY[:-3]), "owner's key .*is cut off: 40 characters instead of 43"),
        (WHOLE.replace(KEY, KEY + "AA"), "owner's key .*is too long: 45 characters"),
        (WHOLE.partition("#")[0], "ends before the certificate's fingerprint"),
        (WHOLE.partition("#")[0] + "#", "ends before the certificate's fingerprint"),
        (WHOLE[:-1], "fingerprint .*is cut off: 42 characters instead of 43"),
        (WHOLE[:-5] + "+" + WHOLE[-4:], "fingerprint .*a character that can't be there"),
        (WHOLE[:-1] + "B", "fingerprint .*is not what it was"),
        (WHOLE + "A" * 2000, "more than 1024 characters"),
        ("rqa+tls://" + "@" * 50, "names no host|not known"),
    ],
)
def test_a_broken_link_is_told_which_part_is_broken(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        parse(text)

    assert "pw" not in str(caught.value)
    assert str(caught.value)[0].islower()
