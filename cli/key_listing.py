"""Shows keys: whose tasks this machine runs and why, who joined its server, and one's own."""

from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..broker.errors import BrokerUnavailable
from ..broker.keypair import KeyPair
from ..broker.trust import TrustFile
from ..broker.trusted_key import TrustedKey
from . import identity, keyring_news, loop
from .broker_url import existing_url
from .config import Settings
from .connected import connected
from .render import times
from .render.screen import Screen
from .render.tables import Cell, Column, print_table

if TYPE_CHECKING:
    from ..broker.joining.records import Member

HERE: Final = "this machine"
_KEYS: Final = (
    Column("KEY"),
    Column("NAME", shrinks=True),
    Column("QUEUES", shrinks=True, rank=1),
    Column("TRUSTED BY", shrinks=True, rank=2),
)
_MEMBERS: Final = (
    Column("LOGIN"),
    Column("ROLE", rank=1),
    Column("KEY", rank=2),
    Column("JOINED", rank=3),
    Column(""),
)


class KeyView(msgspec.Struct, frozen=True, kw_only=True):
    """One key, and why it is trusted."""

    id: str
    name: str
    queues: tuple[str, ...]
    source: str
    """`this machine`, or whose keyring it is in."""
    keeper: str = ""
    """Id of the keyring's keeper; empty for the machine's own trust file."""
    is_own: bool = False


class Joined(msgspec.Struct, frozen=True):
    """Who joined the server of this machine."""

    members: "list[Member]"
    without_login: frozenset[str]


def show(settings: Settings, screen: Screen) -> None:
    """Print keys, keepers and members."""
    trust = trust_of(settings)
    own = own_pair(settings)
    _look_for_news(settings, screen, trust)
    views = gather(trust, settings.namespace, own.key_id if own else "")
    keepers = [k for k in trust.keepers(settings.namespace) if own is None or k.id != own.key_id]
    joined = members_of(settings)
    if screen.json:
        screen.print_json(
            {
                "schema": 1,
                "keys": msgspec.to_builtins(views),
                "keepers": [{"id": each.id, "name": each.name} for each in keepers],
                "members": None
                if joined is None
                else [_member_json(m, joined) for m in joined.members],
            }
        )
        return
    if views:
        print_table(screen, _KEYS, [_key_row(view) for view in views])
    else:
        screen.say("no key is trusted here: nobody's tasks run on this machine")
    for keeper in keepers:
        screen.say(f"{keeper.name} ({keeper.id}) says for this namespace whom to trust too")
    if joined is not None and joined.members:
        screen.put("")
        print_table(screen, _MEMBERS, [_member_row(member, joined) for member in joined.members])


def _look_for_news(settings: Settings, screen: Screen, trust: TrustFile) -> None:
    """Look at the keyring in Redis, where this machine heeds one and this login may read it."""
    if not trust.keepers(settings.namespace) or (url := existing_url(settings)) is None:
        return

    async def look() -> None:
        try:
            async with connected(url, settings.namespace) as namespace:
                await keyring_news.look(namespace, settings, warn=screen.warn)
        except BrokerUnavailable as e:
            screen.warn(f"{e}; the keyring is shown as it was seen last")

    loop.run(look)


def show_own(settings: Settings, screen: Screen) -> None:
    """Print one's own public key; make a pair where there is none."""
    pair = identity.own_key(settings.home)
    if screen.json:
        shown = {"id": pair.key_id, "name": pair.name, "line": pair.public_line}
        screen.print_json({"schema": 1, "key": shown})
    else:
        screen.put(pair.public_line)


def gather(trust: TrustFile, namespace: str, own: str) -> list[KeyView]:
    """Return the keys that are trusted in a namespace: the file's, then those of keyrings."""
    listed = trust.keys()
    views = [_view(key, HERE, own=own) for key in listed]
    known = {view.id for view in views}
    for keeper, ring in trust.keyrings(namespace):
        name = "own keyring" if keeper.id == own else f"keyring of {keeper.name}"
        views += [
            _view(key, name, own=own, keeper=keeper.id) for key in ring.keys if key.id not in known
        ]
    return views


def trust_of(settings: Settings) -> TrustFile:
    """Return this machine's trust file."""
    return TrustFile(settings.home.config / "trust.json")


def own_pair(settings: Settings) -> KeyPair | None:
    """Return this user's key; None where there is none yet."""
    if not (settings.home.config / "keys").is_dir():
        return None
    return identity.own_key(settings.home)


def members_of(settings: Settings) -> Joined | None:
    """Return who joined this machine's own server; None where it does not run, or is another's."""
    if settings.url or (url := existing_url(settings)) is None:
        return None

    async def read() -> Joined | None:
        from ..broker.joining.members import Members

        try:
            async with connected(url, settings.namespace) as namespace:
                members = Members(namespace)
                return Joined(await members.list(), await members.without_login())
        except BrokerUnavailable:
            return None

    return loop.run(read)


def _view(key: TrustedKey, source: str, *, own: str, keeper: str = "") -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        queues=key.queues,
        source=source,
        keeper=keeper,
        is_own=key.id == own,
    )


def _key_row(view: KeyView) -> list[Cell]:
    return [
        Cell(view.id),
        Cell(f"{view.name} (you)" if view.is_own else view.name),
        Cell(",".join(view.queues)),
        Cell(view.source),
    ]


def _member_row(member: "Member", joined: Joined) -> list[Cell]:
    is_gone = member.user in joined.without_login
    return [
        Cell(member.user),
        Cell(member.role),
        Cell(member.key_id if member.submits else ""),
        Cell(times.clock(member.joined_ms / 1000)),
        Cell("can't log in" if is_gone else "", "red"),
    ]


def _member_json(member: "Member", joined: Joined) -> dict[str, Any]:
    return {
        "user": member.user,
        "role": member.role,
        "name": member.name,
        "key": member.key_id if member.submits else None,
        "queues": member.queues,
        "joined_at": member.joined_ms / 1000,
        "can_log_in": member.user not in joined.without_login,
    }
