"""What the dashboard's server is told."""

from pathlib import Path

import msgspec

DEFAULT_PORT = 7342


class WebConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Where it listens and what it serves."""

    host: str
    """A loopback address; see access/hosts.py."""
    port: int
    namespace: str
    logins: Path
    """Folder of the login tickets; see access/logins.py."""
    version: str
    max_streams: int = 64
    """Most clients that may follow something at once."""

    @property
    def cookie(self) -> str:
        """Return the name of the session's cookie: a browser keeps cookies of ports together."""
        return f"rq-agent-{self.port}"
