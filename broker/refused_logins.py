"""What it means when a server refuses a login, for the logins that rq-agent makes. Pure."""

import re
from typing import Final

from .roles import role_of

_OF_TOKENS: Final = "join-"
_OF_MEMBERS: Final = re.compile(r"[a-z]+-.+-[0-9a-f]{4}")


def used_up(role: str) -> str:
    """Return what it means when the server does not know a token."""
    return f"the token has expired or was used; ask for a new one: rq-agent invite {role}"


def refusal(user: str) -> str:
    """Return why a server refused a user, to be read after "redis at ..."."""
    role = role_of(user)
    if user.startswith(_OF_TOKENS):
        return f"does not know this token: {used_up('ROLE')}"
    if role is None or not _OF_MEMBERS.fullmatch(user):
        return "refused the user name or the password"
    return (
        f"does not know the login {user} any more: it was removed; ask whoever runs that server "
        f"for a new invitation (rq-agent invite {role}), then join again"
    )
