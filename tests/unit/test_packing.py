"""Commands become the same bytes as the client itself makes of them."""

from typing import Any

import pytest
from redis.asyncio.connection import Connection

from rq_agent.broker.packing import Packed
from rq_agent.broker.states import TaskState


class Ours(Packed, Connection):
    """A connection that is never opened."""


COMMANDS: list[tuple[Any, ...]] = [
    ("PING",),
    ("SCRIPT LOAD", "return 1"),
    (b"GET", b"k"),
    ("SET", "ä", b"\x00\r\n\xff", 0, -7, 10**18, 1.5, 1e300),
    ("SET", "k", TaskState.RUNNING),
    ("SET", "k", memoryview(b"view")),
    ("SET", "k", b"x" * 300_000),
    ("EVALSHA", *["y" * 40] * 1_000),
    ("SET", "not \udcff UTF-8"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: str(command[0]))
def test_a_command_is_packed_as_the_client_does(command: tuple[Any, ...]) -> None:
    options: dict[str, Any] = {"encoding_errors": "backslashreplace"}

    ours = Ours(**options).pack_command(*command)

    assert b"".join(ours) == b"".join(Connection(**options).pack_command(*command))


def test_what_is_large_is_not_copied() -> None:
    blob = b"x" * 300_000

    assert any(part is blob for part in Ours().pack_command("SET", "k", blob))
