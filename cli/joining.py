"""Joins a server: makes sure of it, exchanges the token for a login, and keeps that as a context."""

import getpass
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ..broker import urls
from ..broker.errors import BrokerUnavailable, UsageError
from ..broker.joining import link as links
from ..broker.joining import token as tokens
from ..broker.joining.link import JoinLink
from ..broker.joining.token import Token
from ..broker.keypair import key_id_of
from ..broker.trust import TrustFile
from . import contexts, identity, keyring_news, loop
from .config import Settings
from .connected import connected
from .contexts import Context
from .render.footer import footer
from .render.screen import Screen, printable

if TYPE_CHECKING:
    from ..broker.joining.join import Joined

NO_VARIABLES: Final[Mapping[str, str]] = MappingProxyType({})
_LARGEST_TOKEN: Final = 256
_TRIES: Final = 3
_NEXT: Final = {
    "worker": ("work --queues default", "doctor"),
    "submitter": ("submit script.py", "ps"),
    "operator": ("ps", "worker ls", "submit script.py"),
    "viewer": ("ps", "worker ls"),
}


def join(
    settings: Settings,
    screen: Screen,
    text: str,
    *,
    name: str,
    token_file: str,
    is_used: bool,
    environ: Mapping[str, str] = NO_VARIABLES,
) -> None:
    """Join, and keep what came of it.

    Args:
        settings: whose home it is.
        screen: to tell on.
        text: the link.
        name: of the context; empty for one that is made of the link.
        token_file: where the token is; empty: it is asked for, or read from stdin.
        is_used: the context becomes the current one.
        environ: of this command.

    Raises:
        UsageError: link, token or name are not acceptable, or the name is taken.
        AccessDenied, BrokerUnavailable, TrustError: see broker.joining.join.
    """
    link = links.parse(text)
    context = free_name(settings, link, name)
    token = _token(screen, token_file)
    done = loop.run(partial(_join, settings, link, token, context))
    if is_used:
        contexts.use(settings.home, context)
    _show(screen, context, done, is_used=is_used)
    for variable in ("RQ_AGENT_REDIS_URL", "RQ_AGENT_CONTEXT"):
        if is_used and environ.get(variable):
            screen.warn(f"{variable} is set here: it outranks the current context")


async def _join(settings: Settings, link: JoinLink, token: Token, context: str) -> "Joined":
    from ..broker.joining.join import joined

    pair = identity.own_key(settings.home)
    joining = joined(
        link,
        token,
        name=member_name(link.role),
        pair=pair,
        folder=settings.home.config / "joining",
    )
    async with joining as done:
        _keep(settings, context, done)
    await _look_at_keyring(settings, context)
    return done


def _keep(settings: Settings, context: str, done: "Joined") -> None:
    """Write all that outlives this command; the token is used up only after that."""
    if done.role != "viewer":  # who only looks neither runs nor copies tasks
        TrustFile(settings.home.config / "trust.json").add_keeper(
            done.owner, done.owner_name, done.namespace, serial=done.serial
        )
    kept = Context(name=context, url=done.url, namespace=done.namespace, role=done.role)
    contexts.save(settings.home, kept, pem=done.pem)


async def _look_at_keyring(settings: Settings, context: str) -> None:
    """Learn who else is trusted there; a trouble is met again, and told, when it matters."""
    known = contexts.load(settings.home, context)
    with suppress(BrokerUnavailable):
        async with connected(known.url, known.namespace) as namespace:
            await keyring_news.look(namespace, settings, warn=lambda text: None)


def free_name(settings: Settings, link: JoinLink, name: str) -> str:
    """Return the name of the new context.

    Raises:
        UsageError: it is taken, or can't be one.
    """
    taken = contexts.names(settings.home)
    if name:
        contexts.check_name(name)
        if name in taken:
            raise UsageError(
                f"there is a context {name} already: choose another name, or forget it with "
                f"`rq-agent context rm {name}`"
            )
        return name
    base = default_name(link.host)
    for candidate in (base, f"{base}-{link.role}"):
        if candidate not in taken and candidate not in contexts.RESERVED:
            return contexts.check_name(candidate)
    raise UsageError(
        f"there are contexts {base} and {base}-{link.role} already: if you have joined, use one "
        f"(`rq-agent context use {base}`); else give the new one a name with --name"
    )


def default_name(host: str) -> str:
    """Return what a server is called that has this host: its first label, or its address. Pure."""
    label = host if re.fullmatch(r"[0-9.]+|.*:.*", host) else host.partition(".")[0]
    return re.sub(r"[^A-Za-z0-9_.-]", "-", label).strip(".-")[:48] or "server"


def member_name(role: str) -> str:
    """Return the name for the login: a worker is a machine, all others are people on one."""
    host = identity.host_name()
    name = host if role == "worker" else f"{identity.user_name()}-{host}"
    return re.sub(r"[^A-Za-z0-9_.-]", "-", name).lstrip("_.-")[:32] or "member"


def _token(screen: Screen, token_file: str) -> Token:
    """Return the token as a person gives it: never an argument, which everybody can read.

    Raises:
        UsageError: it is none; who types it may try again.
    """
    if token_file and token_file != "-":
        return tokens.parse(_content(token_file))
    if token_file or not sys.stdin.isatty():
        return tokens.parse(sys.stdin.readline(_LARGEST_TOKEN))
    for _ in range(_TRIES - 1):
        try:
            return tokens.parse(_asked())
        except UsageError as e:
            screen.say(str(e))
    return tokens.parse(_asked())


def _asked() -> str:
    try:
        return getpass.getpass("Token (not shown): ", stream=sys.stderr)
    except EOFError:
        return ""


def _content(token_file: str) -> str:
    try:
        with Path(token_file).expanduser().open("r", encoding="utf-8") as file:
            return file.read(_LARGEST_TOKEN)
    except (OSError, UnicodeDecodeError) as e:
        reason = getattr(e, "strerror", None) or "is not text"
        raise UsageError(f"--token-file {token_file}: {reason}") from e


def _show(screen: Screen, context: str, done: "Joined", *, is_used: bool) -> None:
    server = urls.redacted(done.url)
    if screen.json:
        shown = {
            "name": context,
            "server": server,
            "namespace": done.namespace,
            "role": done.role,
            "user": done.user,
            "queues": done.queues,
            "keeper": key_id_of(done.owner),
            "is_current": is_used,
        }
        screen.print_json({"schema": 1, "context": shown})
        return
    screen.put(f"{context} {server}")
    screen.say(f"joined as {done.role}, namespace {done.namespace}{_rights(done)}")
    if not is_used:
        footer(screen, [f"context use {context}"])
    suffix = "" if is_used else f" --context {context}"
    footer(screen, [f"{step}{suffix}" for step in _NEXT[done.role]])


def _rights(done: "Joined") -> str:
    if done.role == "worker":
        return f": runs what {printable(done.owner_name)} lets people submit"
    if done.role == "viewer" or done.queues == ("*",):
        return ""
    return f", for the queues {', '.join(done.queues)}"
