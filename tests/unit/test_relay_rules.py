"""The parts of the relay that need no connection."""

import errno
import logging
import socket

import pytest

from rq_agent.broker.embedded import listening
from rq_agent.broker.embedded.relay import is_login
from rq_agent.broker.embedded.trouble import Trouble
from rq_agent.broker.errors import UsageError


@pytest.mark.parametrize("reply", [b"+OK\r\n", b"+PONG\r\n", b"*7\r\n", b"%7\r\n", b"+O"])
def test_who_gets_an_answer_has_logged_in(reply: bytes) -> None:
    assert is_login(reply)


@pytest.mark.parametrize("reply", [b"-NOAUTH x\r\n", b"-WRONGPASS x\r\n", b"+RESET\r\n", b"-"])
def test_who_gets_an_error_has_not(reply: bytes) -> None:
    assert not is_login(reply)


def test_trouble_of_one_kind_is_one_line_at_a_time(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    trouble = Trouble(logging.getLogger("rq_agent.test"), clock_s=lambda: now_s)

    for second in (0.0, 1.0, 9.9, 10.0, 12.0):
        now_s = second
        trouble.tell("not TLS", f"at {second}")
    trouble.tell("too many", "2")

    assert caplog.messages == [
        "not TLS: at 0.0",
        "not TLS: at 10.0 (and 2 like it before)",
        "too many: 2",
    ]


def test_a_port_that_is_taken_is_named() -> None:
    (first,) = listening.listen("127.0.0.1", 0)
    port = listening.place(first)[1]
    try:
        with pytest.raises(UsageError, match=rf"listen on 127\.0\.0\.1:{port}: another program"):
            listening.listen("127.0.0.1", port)
    finally:
        first.close()


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("192.0.2.1", r"192\.0\.2\.1:7341: that is no address of this machine"),
        ("no-such-host.invalid", r"no-such-host\.invalid:7341: this machine knows no address"),
    ],
)
def test_a_place_that_is_not_ours_is_named(host: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        listening.listen(host, 7341)


def test_a_port_that_this_user_may_not_have_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    class Refusing(socket.socket):
        bind = refuse

    monkeypatch.setattr("rq_agent.broker.embedded.listening.socket.socket", Refusing)

    with pytest.raises(UsageError, match=r"\[::1\]:80: this user may not; choose a port from 1024"):
        listening.listen("::1", 80)


def test_the_kernel_looks_after_a_connection() -> None:
    (server,) = listening.listen("127.0.0.1", 0)
    with server, socket.create_connection(listening.place(server)):
        server.setblocking(True)
        accepted, _ = server.accept()
        with accepted:
            listening.prepare(accepted)

            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
            assert not accepted.getblocking()
