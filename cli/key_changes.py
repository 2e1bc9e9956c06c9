"""Trusts keys, and trusts them no more; takes logins away from who joined."""

import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..broker.errors import SelectorError, UsageError
from ..broker.trust import TrustFile
from ..broker.trusted_key import (
    MAX_LINE,
    TrustedKey,
    check_patterns,
    parse_line,
    trusted_key,
)
from . import exits, identity, loop, values
from .broker_url import working_url
from .config import Settings
from .confirming import is_wanted
from .connected import connected
from .key_listing import Joined, members_of, own_pair, trust_of
from .render.screen import Screen

if TYPE_CHECKING:
    from ..broker.joining.members import Removed
    from ..broker.joining.owner import Owner
    from ..broker.joining.records import Member
    from ..broker.namespace import Namespace

_Result = TypeVar("_Result")

_SHORTEST: Final = 4
"""Characters of an id that are enough, if they fit one key."""
_TOLD_WITHIN: Final = "machines that joined learn of it within a minute"


def add(
    settings: Settings, screen: Screen, key: str, *, queues: str, name: str, everywhere: bool
) -> None:
    """Trust a key on this machine, or on all that joined its server.

    Raises:
        UsageError: no key, or not acceptable queues; it is known with other queues; everywhere
            is said where no keyring is signed.
    """
    patterns = check_patterns(values.names(queues, "--queues"))
    public, own_name = parse_line(_line(key))
    wanted = trusted_key(public, name or own_name, patterns)
    trust = trust_of(settings)
    if everywhere:
        _check_owner(settings, trust)

        async def sign(namespace: "Namespace") -> int:
            return await _owner(namespace, settings).add(wanted)

        _on_server(settings, sign)
    elif not trust.add(public, wanted.name, wanted.queues):
        _check_same(trust, wanted)
    if screen.json:
        shown = {"id": wanted.id, "name": wanted.name, "queues": wanted.queues}
        screen.print_json({"schema": 1, "key": {**shown, "everywhere": everywhere}})
        return
    screen.put(f"{wanted.id} {wanted.name}".rstrip())
    where = f"everywhere ({_TOLD_WITHIN})" if everywhere else "on this machine"
    screen.say(f"trusted {where}, for the queues {', '.join(wanted.queues)}")


def remove(settings: Settings, screen: Screen, which: str, *, is_sure: bool) -> int:
    """Trust a key no more, here and in the own keyring; take its member's login away.

    Returns:
        An exit code: 1 when a person did not want it after all.

    Raises:
        SelectorError: nothing is called so, several are, or it is in another one's keyring.
    """
    trust = trust_of(settings)
    joined = members_of(settings)
    member = _member(which, joined)
    key_id = member.key_id if member else _key_id(which, settings, trust)
    if not is_wanted(screen, _question(settings, member, key_id), is_sure=is_sure):
        return exits.FAILED
    told: dict[str, Any] = {"removed": which}
    if member is None or member.submits:
        key = trust.remove(key_id)
        told["trust_file"] = key is not None
        told["keeper"] = trust.remove_keeper(key_id) if member is None else False
    if joined is not None and _signs(settings, trust):
        told |= _remove_everywhere(settings, member, key_id, joined)
    _tell(screen, which, told)
    return exits.OK


def _remove_everywhere(
    settings: Settings, member: "Member | None", key_id: str, joined: Joined
) -> dict[str, Any]:
    """Remove the members that a key belongs to, and the key from the keyring."""
    members = (
        [member] if member else [m for m in joined.members if m.submits and m.key_id == key_id]
    )

    async def take(namespace: "Namespace") -> tuple[list["Removed"], TrustedKey | None]:
        from ..broker.joining.members import Members

        owner = _owner(namespace, settings)
        removed = [await Members(namespace).remove(each, owner) for each in members]
        key = None if member else await owner.remove(key_id)
        return removed, key

    removed, key = _on_server(settings, take)
    return {
        "keyring": key is not None or any(each.key_was_trusted for each in removed),
        "logins": [
            {"user": each.member.user, "connections_ended": each.connections or 0}
            for each in removed
        ],
    }


def _tell(screen: Screen, which: str, told: dict[str, Any]) -> None:
    if screen.json:
        screen.print_json({"schema": 1, **told})
        return
    screen.put(f"{which} removed")
    for login in told.get("logins", ()):
        count = login["connections_ended"]
        ended = f", {count} connections ended" if count else ""
        screen.say(f"the login {login['user']} is gone{ended}")
    if told.get("keyring"):
        screen.say(f"its key is out of the keyring: {_TOLD_WITHIN}, also for tasks that wait")
    if told.get("trust_file"):
        screen.say("its key is out of this machine's trust file")
    if told.get("keeper"):
        screen.say("its keyring does not count here any more")


def _member(which: str, joined: Joined | None) -> "Member | None":
    found = [m for m in joined.members if m.user == which] if joined else []
    return found[0] if found else None


def _key_id(which: str, settings: Settings, trust: TrustFile) -> str:
    """Return the id of the key that is meant: in the trust file, a keeper, or in the keyring."""
    own = own_pair(settings)
    own_id = own.key_id if own else ""
    listed = trust.keys()
    here = [key.id for key in listed]
    keepers = [keeper.id for keeper in trust.keepers(settings.namespace) if keeper.id != own_id]
    rings = list(trust.keyrings(settings.namespace))
    in_own = [key.id for keeper, ring in rings if keeper.id == own_id for key in ring.keys]
    found = _matching(which, (*here, *keepers, *in_own))
    if len(found) == 1:
        return found[0]
    if found:
        raise SelectorError(f"{which} fits several keys: {', '.join(found)}")
    for keeper, ring in rings:
        if _matching(which, [key.id for key in ring.keys]):
            raise SelectorError(
                f"key {which} is in the keyring of {keeper.name}: only its owner can remove it; "
                f"to heed that keyring no more: rq-agent key rm {keeper.id}"
            )
    raise SelectorError(f"no key or login is called {which!r}; see rq-agent key ls")


def _matching(which: str, ids: Sequence[str]) -> list[str]:
    if len(which) < _SHORTEST:
        return []
    return sorted({each for each in ids if each.startswith(which.lower())})


def _question(settings: Settings, member: "Member | None", key_id: str) -> str:
    if member is not None:
        return f"take the login {member.user} away, and trust its key no more"
    own = own_pair(settings)
    if own is not None and own.key_id == key_id:
        return f"{key_id} is your own key: refuse your own tasks on this machine"
    return f"trust key {key_id} no more"


def _line(key: str) -> str:
    if key.startswith("rqa-ed25519"):
        return key
    if "://" in key:
        raise UsageError("that is a link or an address: rq-agent join takes links")
    if key == "-":
        return sys.stdin.readline(MAX_LINE + 1)
    try:
        with Path(key).expanduser().open("r", encoding="utf-8") as file:
            return file.read(MAX_LINE + 1)
    except FileNotFoundError as e:
        raise UsageError(
            f"{key}: no such file, and not the line of a key, which begins with rqa-ed25519"
        ) from e
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{key}: {getattr(e, 'strerror', None) or 'is not text'}") from e


def _check_same(trust: TrustFile, wanted: TrustedKey) -> None:
    known = trust.find(wanted.id)
    if known is not None and set(known.queues) != set(wanted.queues):
        raise UsageError(
            f"key {wanted.id} is trusted already, for the queues {', '.join(known.queues)}; "
            f"for other ones remove it first: rq-agent key rm {wanted.id}"
        )


def _check_owner(settings: Settings, trust: TrustFile) -> None:
    if settings.url or not _signs(settings, trust):
        raise UsageError(
            "--everywhere is for the machine that signs a keyring: the one that runs "
            "`rq-agent up --listen`; there, with --context local"
        )


def _signs(settings: Settings, trust: TrustFile) -> bool:
    """Return whether this home's key signs the keyring of its own server."""
    own = own_pair(settings)
    keepers = trust.keepers(settings.namespace)
    return own is not None and any(keeper.id == own.key_id for keeper in keepers)


def _owner(namespace: "Namespace", settings: Settings) -> "Owner":
    from ..broker.joining.owner import Owner

    return Owner(namespace, identity.own_key(settings.home), trust_of(settings))


def _on_server(settings: Settings, step: Callable[["Namespace"], Awaitable[_Result]]) -> _Result:
    url = working_url(settings)

    async def go() -> _Result:
        async with connected(url, settings.namespace) as namespace:
            return await step(namespace)

    return loop.run(go)
