"""Invites other machines and people, lists open invitations, and takes them back."""

import time
from collections.abc import Awaitable, Callable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from ..broker.errors import SelectorError, UsageError
from ..broker.joining.clock import now_ms
from ..broker.joining.records import MAX_USES, TokenRecord, check_terms
from ..broker.joining.tokens import Tokens
from ..broker.roles import ROLES, Role
from ..broker.trusted_key import check_patterns
from . import loop, values
from .broker_url import working_url
from .config import Settings
from .connected import connected
from .render import times
from .render.screen import Screen
from .render.tables import Cell, Column, print_table
from .upkeep import place
from .upkeep.invitations import link_of

if TYPE_CHECKING:
    from ..broker.namespace import Namespace

_Result = TypeVar("_Result")

_COLUMNS: Final = (
    Column("ID"),
    Column("ROLE"),
    Column("EXPIRES IN"),
    Column("USES", is_number=True),
    Column("QUEUES", shrinks=True, rank=1),
    Column("NAME", rank=2),
)


_USUAL: Final = ("24h", "1", "*", "")
"""Terms of an invitation that nobody said anything about."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an invitation is for."""

    role: Role
    expires_ms: int
    uses: int
    queues: tuple[str, ...]
    name: str


def terms_of(role: str, *, expires: str, uses: str, queues: str, name: str) -> Terms:
    """Return what was asked for.

    Raises:
        UsageError: a part of it is not acceptable.
    """
    expires_ms = int(values.duration_s(expires, "--expires") * 1000)
    check_terms(uses=1, expires_ms=expires_ms, name=name)
    return Terms(
        role=_role(role),
        expires_ms=expires_ms,
        uses=values.whole(uses, "--uses", least=1, most=MAX_USES),
        queues=check_patterns(values.names(queues, "--queues")),
        name=name,
    )


def check_alone(role: str, terms: Sequence[str], *, ls: bool, revoke: str) -> None:
    """Raise UsageError if a new invitation is asked for beside --ls or --revoke."""
    if role:
        option = "--ls" if ls else "--revoke"
        raise UsageError(f"{option} invites nobody: leave {role} out")
    if ls and revoke:
        raise UsageError("--ls and --revoke are two commands: give one of them")
    if tuple(terms) != _USUAL:
        option = "--ls" if ls else "--revoke"
        raise UsageError(f"{option} invites nobody: --expires, --uses, --queues, --name do nothing")


def invite(settings: Settings, screen: Screen, terms: Terms) -> None:
    """Make a token; print it and the link.

    Raises:
        UsageError: not on the server's machine, nobody can come in there, or a term is wrong.
    """
    _check_local(settings)
    wanted = place.read_wanted(place.of(settings.home))
    if wanted is None or not wanted.listen:
        raise UsageError("no other machine can come in yet: rq-agent up --listen ADDRESS")
    link = str(link_of(settings, wanted, terms.role))

    async def make(namespace: "Namespace") -> tuple[str, str, int]:
        token = await Tokens(namespace).create(
            terms.role,
            expires_ms=terms.expires_ms,
            uses=terms.uses,
            queues=terms.queues,
            name=terms.name,
        )
        return token.id, token.text, await now_ms(namespace) + terms.expires_ms

    token_id, text, expires_ms = _on_server(settings, make)
    if screen.json:
        shown = {
            "id": token_id,
            "role": terms.role,
            "link": link,
            "token": text,
            "expires_at": expires_ms / 1000,
            "uses": terms.uses,
            "queues": terms.queues,
        }
        screen.print_json({"schema": 1, "invitation": shown})
        return
    screen.put(f"rq-agent join '{link}'")
    screen.put(f"token: {text}")
    machines = "one machine" if terms.uses == 1 else f"{terms.uses} machines"
    until = time.strftime("%a %H:%M", time.localtime(expires_ms / 1000))
    screen.say(f"the token is for {machines}, until {until}; give it another way than the link")
    screen.say(f"take it back:  rq-agent invite --revoke {token_id}")


def list_tokens(settings: Settings, screen: Screen) -> None:
    """Print the tokens that are open; none of their secrets."""
    _check_local(settings)

    async def read(namespace: "Namespace") -> tuple[int, dict[str, TokenRecord]]:
        return await now_ms(namespace), dict(await Tokens(namespace).open())

    now, found = _on_server(settings, read)
    still = {token: record for token, record in found.items() if record.expires_ms > now}
    ordered = sorted(still.items(), key=lambda each: each[1].expires_ms)
    if screen.json:
        shown = [_as_json(token_id, record) for token_id, record in ordered if record.uses]
        screen.print_json({"schema": 1, "tokens": shown})
        return
    rows = [_row(token_id, record, now) for token_id, record in ordered if record.uses]
    if rows:
        print_table(screen, _COLUMNS, rows)
    else:
        screen.say("no invitation is open:  rq-agent invite worker")


def revoke(settings: Settings, screen: Screen, token_id: str) -> None:
    """Take a token back.

    Raises:
        SelectorError: there is none with this id.
    """
    _check_local(settings)

    async def take(namespace: "Namespace") -> bool:
        return await Tokens(namespace).revoke(token_id.partition(".")[0].lower())

    if not _on_server(settings, take):
        raise SelectorError(
            f"no open token has the id {token_id.partition('.')[0]!r}: it has expired, was used, "
            "or never was; see rq-agent invite --ls"
        )
    if screen.json:
        screen.print_json({"schema": 1, "token": {"id": token_id, "is_revoked": True}})
    else:
        screen.put(f"{token_id} taken back")


def _role(role: str) -> Role:
    for known in ROLES:
        if role == known:
            return known
    names = ", ".join(ROLES)
    if not role:
        raise UsageError(f"say as what to invite: rq-agent invite {'|'.join(ROLES)}")
    near = get_close_matches(role.lower(), ROLES, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"there is: {names}"
    raise UsageError(f"role {role[:40]!r} is not known; {hint}")


def _check_local(settings: Settings) -> None:
    from ..broker import urls

    if settings.url:
        raise UsageError(
            f"invitations are made on the machine that runs `rq-agent up --listen`, and "
            f"{urls.redacted(settings.url)} is not this user's own server; if it runs here: "
            "--context local"
        )


def _on_server(settings: Settings, step: Callable[["Namespace"], Awaitable[_Result]]) -> _Result:
    url = working_url(settings)

    async def go() -> _Result:
        async with connected(url, settings.namespace) as namespace:
            return await step(namespace)

    return loop.run(go)


def _as_json(token_id: str, record: TokenRecord) -> dict[str, Any]:
    return {
        "id": token_id,
        "role": record.role,
        "expires_at": record.expires_ms / 1000,
        "uses": record.uses,
        "queues": record.queues,
        "name": record.name,
    }


def _row(token_id: str, record: TokenRecord, now: int) -> list[Cell]:
    return [
        Cell(token_id),
        Cell(record.role),
        Cell(times.length((record.expires_ms - now) / 1000)),
        Cell(str(record.uses)),
        Cell(",".join(record.queues)),
        Cell(record.name),
    ]
