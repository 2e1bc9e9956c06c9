"""A real server with the users of deploy/redis/users.acl."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from rq_agent.broker.connection import connect
from rq_agent.broker.namespace import Namespace
from rq_agent.broker.roles import ROLES

from ...servers import Servers

DEPLOY: Final = Path(__file__).parents[3] / "deploy" / "redis"
NAME: Final = "lab"


def filled_in(template: str) -> str:
    """Return the file as its README says to fill it in."""
    text = template.replace("NAMESPACE", NAME)
    for user in (*ROLES, "admin"):
        digest = hashlib.sha256(password(user).encode()).hexdigest()
        text = text.replace(f"{user.upper()}_SHA256", digest)
    return text


def password(user: str) -> str:
    return f"hunter2 of {user}"


class Guarded:
    """One such server."""

    def __init__(self, servers: Servers, kind: str) -> None:
        settings, users = servers.folder / f"{kind}.conf", servers.folder / "users.acl"
        # A copy: whoever may too much can let a server write its file anew.
        settings.write_text((DEPLOY / "rq-agent.conf").read_text())
        users.write_text(filled_in((DEPLOY / "users.acl").read_text()))
        self.socket = servers.socket(
            kind, name="-acl", options=[str(settings), "--aclfile", str(users)]
        )

    def url(self, user: str) -> str:
        login = f"{user}:{password(user)}@".replace(" ", "%20") if user else ""
        return f"unix://{login}{self.socket}"

    @asynccontextmanager
    async def opened(self, user: str, name: str = NAME) -> AsyncIterator[Namespace]:
        """A namespace as a user sees it."""
        async with connect(self.url(user), namespace=name) as redis:
            yield await Namespace.open(redis, name)

    async def content(self) -> dict[bytes, Any]:
        """Return everything that is stored, as the admin sees it."""
        async with connect(self.url("admin")) as redis:
            found: Any = await redis.keys("*")
            return {key: await redis.dump(key) for key in sorted(found)}
