"""Opens the embedded server to other machines, and lets in who comes with a token."""

import sys
from functools import partial
from pathlib import Path
from typing import Final

import anyio

from ..broker import urls
from ..broker.connection import blocking_connection, connect
from ..broker.embedded import certificate
from ..broker.embedded.relay import Places, serve
from ..broker.embedded.start import has_users
from ..broker.errors import RqAgentError, UsageError
from ..broker.joining.registrar import BLOCK_MS, Registrar
from ..broker.joining.tokens import Tokens
from ..broker.namespace import Namespace
from ..broker.trust import TrustFile
from ..broker.url_members import host_and_port
from . import identity
from .broker_url import working_url
from .config import Settings
from .render.screen import Screen
from .stderr_log import log_to_stderr
from .upkeep import listening

_LOOP: Final = {"use_uvloop": sys.platform != "win32"}
_MARGIN_S: Final = 10.0


def relay(settings: Settings, screen: Screen, *, listen: str) -> None:
    """Run the relay until it is told to stop.

    Raises:
        UsageError: it can't listen there.
        RqAgentError: the server lets in whoever comes.
    """
    endpoint = listening.parse(listen)
    log_to_stderr(verbose=settings.verbose)
    url = _guarded_url(settings, screen)
    anyio.run(_take_back_what_expired, url, settings.namespace)

    def ready(places: Places) -> None:
        where = ", ".join(host_and_port(*place) for place in places)
        screen.say(f"relay: {where}: ready")

    socket_path = Path(urls.parse(url).path)
    own = certificate.ensure(listening.certificate_folder(settings.home))
    step = partial(serve, endpoint.host, endpoint.port, socket_path, own, ready=ready)
    anyio.run(step, backend_options=_LOOP)


def register(settings: Settings, screen: Screen) -> None:
    """Run the registrar until it is told to stop."""
    log_to_stderr(verbose=settings.verbose)
    url = _guarded_url(settings, screen)
    anyio.run(_register, url, settings, screen, backend_options=_LOOP)


def _guarded_url(settings: Settings, screen: Screen) -> str:
    """Return the URL of an embedded server that asks everybody for a login."""
    if settings.url:
        raise UsageError("only the embedded server is opened to other machines: --context local")
    url = working_url(settings, report=screen.say)
    if not has_users(settings.home.data):
        raise RqAgentError(UNGUARDED)
    return url


UNGUARDED: Final = (
    "the embedded server was started by an older version and asks nobody for a login, so it can't "
    "be opened to other machines: `rq-agent down`, then try again"
)


async def _take_back_what_expired(url: str, name: str) -> None:
    async with connect(url, namespace=name) as redis:
        await Tokens(await Namespace.open(redis, name)).sweep()


async def _register(url: str, settings: Settings, screen: Screen) -> None:
    name, block_s = settings.namespace, BLOCK_MS / 1000 + _MARGIN_S
    blocking = blocking_connection(url, block_s=block_s, namespace=name)
    async with connect(url, namespace=name) as redis, blocking:
        registrar = Registrar(
            await Namespace.open(redis, name),
            await Namespace.open(blocking, name),
            identity.own_key(settings.home),
            TrustFile(settings.home.config / "trust.json"),
        )
        await registrar.run(ready=lambda: screen.say(f"registrar: namespace {name}: ready"))
