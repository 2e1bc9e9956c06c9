"""What it means when Redis refuses a user something, in words that name both. Pure."""

import re
from typing import Final

from .roles import Role, role_of

_COMMAND: Final = re.compile(r"run the '([^']+)' command")
_PIPED: Final = re.compile(r"Command # \d+ \(([A-Za-z_]+)")
_IN_SCRIPT: Final = re.compile(
    r"ACL failure in script: |The user executing the script can't (?:run|access)"
)
_KEY: Final = re.compile(r"access (?:a key|one of the keys|at least one of the keys)")
_CHANNEL: Final = re.compile(r"access (?:a channel|one of the channels)")


def is_denial_in_script(text: str) -> bool:
    """Return whether a reply says so; it comes with the code of any error of a script."""
    return _IN_SCRIPT.search(text) is not None


def denial(text: str, *, user: str, command: str) -> str:
    """Return what was refused to whom, to be read after "redis at ...".

    Args:
        text: the server's reply. Its arguments are not repeated: they may be secrets.
        user: whom the client logged in as; empty for Redis' own default user.
        command: that was sent, where the reply does not name one.
    """
    who = f"the user {user or 'default'}"
    what = _command(text) or command.upper() or "this"
    if is_denial_in_script(text):
        named = _COMMAND.search(text)
        what = f"{named[1].upper()} in a script" if named else f"what a script needs ({what})"
    if _CHANNEL.search(text):
        what = "this channel"
    elif _KEY.search(text):
        what = f"this key with {what}"
    return f"does not let {who} use {what}: {_rights(user, is_key=what.startswith('this '))}"


def _rights(user: str, *, is_key: bool) -> str:
    """Return what a login may, and whom to ask for more."""
    role = role_of(user)
    if role == "viewer":
        return f"this login may look at its own namespace, no more; {_ask('submitter', 'submit')}"
    if role == "submitter":
        return f"this login may submit to its own namespace, no more; {_ask('operator', 'drain and stop workers')}"
    if is_key:
        return "this login may use its own namespace only"
    return "see deploy/redis/README.md for what each user may"


def _ask(role: Role, verbs: str) -> str:
    return f"to {verbs}, ask for a link of `rq-agent invite {role}`"


def _command(text: str) -> str:
    if named := _COMMAND.search(text):
        return named[1].replace("|", " ").upper()
    piped = _PIPED.search(text)
    return piped[1].upper() if piped else ""
