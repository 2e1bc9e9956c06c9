"""Runs the dashboard, and makes links that log in to it."""

import errno
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import anyio

from .. import __version__
from ..broker.errors import RqAgentError, SelectorError
from ..web import running as web_running
from ..web.access.hosts import checked, url_of
from ..web.access.logins import new_token
from ..web.config import DEFAULT_PORT, WebConfig
from . import worker_name
from .broker_url import working_url
from .config import Settings
from .render.screen import Screen
from .stderr_log import log_to_stderr

if TYPE_CHECKING:
    from socket import socket

    from ..web.running import Running

_NEXT_PORTS: Final = 20
"""So many are tried where nobody asked for one of them: machines are shared."""


def run(settings: Settings, screen: Screen, *, host: str, port: int | None, opens: bool) -> None:
    """Run the dashboard until it is told to stop.

    Args:
        settings: whose tasks it shows.
        screen: is told the address.
        host: a loopback address.
        port: None: the usual one, or the next that is free; 0: any.
        opens: show it in the browser.

    Raises:
        UsageError: the address is not a loopback one.
        RqAgentError: the port is taken.
    """
    from ..web.run import serve

    address = checked(host)
    log_to_stderr(verbose=settings.verbose)
    url = working_url(settings, report=screen.say)
    listener = _listener(address, port)
    found = web_running.Running(
        pid=os.getpid(),
        host=address,
        port=listener.getsockname()[1],
        namespace=settings.namespace,
        context=settings.context,
    )
    config = WebConfig(
        host=address,
        port=found.port,
        namespace=settings.namespace,
        logins=web_running.logins_of(folder(settings), found.port),
        version=__version__,
    )
    ready = partial(_tell, settings, screen, found, opens=opens)
    with web_running.registered(folder(settings), found):
        anyio.run(partial(serve, config, listener, url=url, ready=ready), backend_options=_LOOP)
    _page(settings).unlink(missing_ok=True)
    screen.say("dashboard: stopped")


_LOOP: Final = {"use_uvloop": sys.platform != "win32"}


def print_link(settings: Settings, screen: Screen, *, port: int | None) -> None:
    """Print a link that logs in once to the dashboard that runs.

    Raises:
        SelectorError: none runs, or several do.
    """
    found = find(settings, port=port)
    link = login_link(settings, found)
    if screen.json:
        screen.print_json({"schema": 1, "url": found.url, "login": link})
        return
    screen.put(link)
    screen.say("it opens the dashboard once, within ten minutes")


def login_link(settings: Settings, found: "Running") -> str:
    """Return a new link that logs in once, within ten minutes.

    Its secret stands behind the `#`: no server, log or proxy sees that part of an address.
    """
    try:
        token = new_token(web_running.logins_of(folder(settings), found.port))
    except OSError as e:
        raise RqAgentError(f"can't make a login link: {e}") from e
    return f"{found.url}/login#{token}"


def find(settings: Settings, *, port: int | None = None) -> "Running":
    """Return the dashboard of these settings that runs on this machine.

    Raises:
        SelectorError: none does, or several; says what to do.
    """
    every = web_running.running(folder(settings))
    ours = [one for one in every if port in (None, one.port)]
    if len(ours) > 1:
        ours = [o for o in ours if o.namespace == settings.namespace] or ours
        ours = [o for o in ours if o.context == settings.context] or ours
    if len(ours) == 1:
        return ours[0]
    if ours:
        ports = ", ".join(f"--port {one.port} ({one.namespace})" for one in ours)
        raise SelectorError(f"several dashboards run here: say which with {ports}")
    where = f" on port {port}" if port is not None else ""
    raise SelectorError(f"no dashboard runs here{where}; start it with:  rq-agent web")


def folder(settings: Settings) -> Path:
    """Return where dashboards of this machine keep what only their user may read."""
    return worker_name.machine_folder(settings.home) / "web"


def _tell(settings: Settings, screen: Screen, found: "Running", *, opens: bool) -> None:
    """Say where it is. A link goes to people only: what is written to a file may be kept."""
    if screen.json:
        screen.print_json({"schema": 1, "url": found.url, "namespace": found.namespace})
        sys.stdout.flush()
    screen.say(f"dashboard: {found.url}, namespace {found.namespace}: ready")
    if opens:
        _open(settings, found)
    elif sys.stderr.isatty():
        screen.say(f"log in, once and within ten minutes:  {login_link(settings, found)}")
    if not opens:
        screen.say("another link:  rq-agent web --link")


def _open(settings: Settings, found: "Running") -> None:
    """Show it in the browser, by a file that leads there: arguments of programs are no secrets."""
    import html
    import webbrowser

    link = html.escape(login_link(settings, found), quote=True)
    page = _page(settings)
    page.unlink(missing_ok=True)
    handle = os.open(page, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f'<!doctype html><meta http-equiv="refresh" content="0; url={link}">\n')
    webbrowser.open(page.as_uri())


def _page(settings: Settings) -> Path:
    """Return the file that leads a browser to a login link."""
    return folder(settings) / "open.html"


def _listener(host: str, port: int | None) -> "socket":
    from ..web.run import listen

    ports: Sequence[int] = (
        [port] if port is not None else range(DEFAULT_PORT, DEFAULT_PORT + _NEXT_PORTS)
    )
    for candidate in ports:
        try:
            return listen(host, candidate)
        except OSError as e:
            if e.errno == errno.EADDRINUSE and port is None:
                continue
            raise RqAgentError(
                f"can't listen on {url_of(host, candidate)}: {os.strerror(e.errno or 0)}; "
                "choose another --port"
            ) from e
    raise RqAgentError(f"ports {ports[0]} to {ports[-1]} are all taken; choose another --port")
