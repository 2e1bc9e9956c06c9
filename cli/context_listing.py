"""Shows contexts: all, or one. Never a password."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from ..broker import urls
from ..broker.errors import SelectorError, UsageError
from . import config, contexts
from .config import Settings
from .config_file import FILE_NAME, RedisTable, read_file
from .render.groups import lines
from .render.screen import Screen
from .render.tables import Cell, Column, print_table

_COLUMNS: Final = (
    Column(""),
    Column("CONTEXT"),
    Column("SERVER", shrinks=True, rank=1),
    Column("NAMESPACE", rank=2),
    Column("ROLE", rank=3),
)
_EMBEDDED: Final = "embedded"


class ContextView(msgspec.Struct, frozen=True, kw_only=True):
    """What may be shown of a context."""

    name: str
    server: str = ""
    """Its address without a password, or `embedded`."""
    namespace: str = ""
    role: str = ""
    is_current: bool = False
    problem: str = ""
    """Why it can't be used; empty when it can."""


def show_all(settings: Settings, screen: Screen, environ: Mapping[str, str]) -> None:
    """Print all contexts."""
    views = gather(settings)
    if screen.json:
        screen.print_json({"schema": 1, "contexts": msgspec.to_builtins(views)})
    else:
        print_table(screen, _COLUMNS, [_row(view) for view in views])
    for view in views:
        if view.problem:
            screen.warn(view.problem)
    warn_of_outranking(screen, environ)


def warn_of_outranking(screen: Screen, environ: Mapping[str, str]) -> None:
    """Tell of a variable that makes commands leave the current context alone."""
    for name in ("RQ_AGENT_REDIS_URL", "RQ_AGENT_CONTEXT"):
        if environ.get(name):
            screen.warn(f"{name} is set here: it outranks the current context")
            return


def gather(settings: Settings) -> list[ContextView]:
    """Return all contexts: the reserved ones first, then by name, then a current one that is gone."""
    home = settings.home
    redis, problem = _redis_table(home.config / FILE_NAME)
    current = contexts.current(home) or (contexts.CONFIGURED if redis.url else contexts.LOCAL)
    views = [ContextView(name=contexts.LOCAL, server=_EMBEDDED, role=contexts.LOCAL)]
    if redis.url or problem:
        views.append(
            ContextView(
                name=contexts.CONFIGURED,
                server=urls.redacted(redis.url) if redis.url else "",
                namespace=redis.namespace,
                problem=problem,
            )
        )
    views += [_view(settings, name) for name in contexts.names(home)]
    if current not in [view.name for view in views]:
        views.append(_view(settings, current))
    return [msgspec.structs.replace(view, is_current=view.name == current) for view in views]


def show_one(settings: Settings, screen: Screen, name: str) -> None:
    """Print one context.

    Raises:
        SelectorError: there is none of this name.
        UsageError: it can't be read or used, or no context is in use.
    """
    if not name:
        raise UsageError("no context is in use: the server's URL was given outright; name one")
    table = (
        RedisTable()
        if name == contexts.LOCAL
        else read_file(settings.home.config / FILE_NAME).redis
    )
    context = config.named(name, settings.home, table)
    pin = _certificate(context.url)
    shown = {
        "name": name,
        "server": _EMBEDDED if name == contexts.LOCAL else urls.redacted(context.url),
        "namespace": context.namespace,
        "role": context.role,
        "certificate": pin,
        "is_current": next(v.is_current for v in gather(settings) if v.name == name),
    }
    if screen.json:
        screen.print_json({"schema": 1, "context": shown})
        return
    star = " (current)" if shown.pop("is_current") else ""
    screen.put(f"context {shown.pop('name')}{star}")
    for line in lines([(title, str(text)) for title, text in shown.items()]):
        screen.put(line)


def _view(settings: Settings, name: str) -> ContextView:
    try:
        context = contexts.load(settings.home, name)
    except SelectorError:
        problem = (
            f"the current context {name} is gone; choose another one: rq-agent context use NAME"
        )
        return ContextView(name=name, problem=problem)
    except UsageError as e:
        return ContextView(name=name, problem=str(e))
    return ContextView(
        name=name,
        server=urls.redacted(context.url),
        namespace=context.namespace,
        role=context.role,
    )


def _redis_table(path: Path) -> tuple[RedisTable, str]:
    """Return what config.toml says of a server, and what is wrong with the file."""
    try:
        table = read_file(path).redis
        if table.url:
            urls.parse(table.url)
    except UsageError as e:
        return RedisTable(), str(e)
    return table, ""


def _row(view: ContextView) -> Sequence[Cell]:
    style = "red" if view.problem else ""
    return (
        Cell("*" if view.is_current else ""),
        Cell(view.name, "bold" if view.is_current else ""),
        Cell("not usable" if view.problem else view.server, style),
        Cell(view.namespace),
        Cell(view.role),
    )


def _certificate(url: str) -> str:
    """Return what is pinned: the SHA-256 of the certificate that the server must show."""
    import hashlib
    import ssl

    files = parse_qs(urlsplit(url).query).get("ssl_ca_certs", [])
    try:
        der = ssl.PEM_cert_to_DER_cert(Path(files[0]).read_text("ascii")) if files else b""
    except (OSError, ValueError):
        return "can't be read"
    return f"SHA-256 {hashlib.sha256(der).hexdigest()}" if der else ""
