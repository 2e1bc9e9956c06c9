"""What a worker does first on every new connection: it finds out whether Redis restarted."""

import re
import secrets
from collections.abc import Callable
from typing import Any, Final

from redis.asyncio.connection import AbstractConnection

from .decoding import text
from .keys import Prefix
from .scripts import with_flags

_RUN_ID: Final = re.compile(rb"^run_id:([0-9a-f]+)", re.MULTILINE)
_VERSION: Final = re.compile(rb"^redis_version:(\d+)\.", re.MULTILINE)


class Greeting:
    """Says hello before any other command of a connection can be sent.

    A restarted Redis may have come back with an older state. Said on the connection itself, no
    claim of this worker can come before the hold that hello.lua puts on claims.
    """

    def __init__(
        self,
        prefix: Prefix,
        *,
        lease_ms: int,
        beat_ms: int,
        on_restart: Callable[[], None],
        on_greeting: Callable[[str, str], None] = lambda run_id, birth: None,
    ) -> None:
        """Args.

        prefix: of the namespace.
        lease_ms: see hello.lua, as the next.
        beat_ms: between two beats.
        on_restart: called when another server process answers than before.
        on_greeting: called each time before that, with run id and birth.
        """
        self._on_greeting = on_greeting
        self._prefix = prefix
        self._lease_ms = lease_ms
        self._beat_ms = beat_ms
        self._on_restart = on_restart
        self.run_id = ""
        """Of the server process that answered last; empty before the first one."""
        self.birth = ""
        """Of the namespace: it changes where Redis comes back with nothing. Empty at first."""

    async def greet(self, connection: AbstractConnection) -> None:
        """Log in, then tell the script which server process this is."""
        await connection.on_connect()
        server = await _ask(connection, "INFO", "server")
        run_id = _first(_RUN_ID, server)
        major = int(_first(_VERSION, server) or "0")
        script = with_flags("hello", allow_oom=major >= 7)
        arguments = (run_id, self._lease_ms, self._beat_ms, secrets.token_hex(8))
        told = await _ask(connection, "EVAL", script, 1, self._prefix, *arguments)
        is_other = self.run_id not in ("", run_id)
        self.run_id, self.birth = run_id, text(told[2])
        self._on_greeting(self.run_id, self.birth)
        if is_other:
            self._on_restart()


async def _ask(connection: AbstractConnection, *command: str | int) -> Any:
    await connection.send_command(*command)
    return await connection.read_response()


def _first(pattern: re.Pattern[bytes], text: bytes) -> str:
    found = pattern.search(text)
    return found[1].decode("ascii") if found else ""
