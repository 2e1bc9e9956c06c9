"""Shows the settings of a command, and where each was said."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from ..broker import urls
from . import config, contexts
from .config import Settings
from .config_file import FILE_NAME, ConfigFile, read_file
from .contexts import Context
from .options import Common
from .render.screen import Screen
from .render.tables import Cell, Column, print_table

_COLUMNS: Final = (Column("SETTING"), Column("VALUE", shrinks=True), Column("FROM", rank=1))
_DEFAULT: Final = "default"


class Setting(NamedTuple):
    """One setting: its value, and what says so."""

    name: str
    value: str
    origin: str


def show(settings: Settings, screen: Screen, common: Common, environ: Mapping[str, str]) -> None:
    """Print all settings."""
    path = settings.home.config / FILE_NAME
    file = read_file(path)
    name = settings.context
    server = config.named(name, settings.home, file.redis) if name else None
    current = contexts.current(settings.home)
    found = gather(settings, common, environ, file, current, server)
    if screen.json:
        shown = {each.name: {"value": each.value, "from": each.origin} for each in found}
        screen.print_json({"schema": 1, "path": str(path), "settings": shown})
        return
    print_table(screen, _COLUMNS, [[Cell(text) for text in each] for each in found if each.value])


def show_path(settings: Settings, screen: Screen) -> None:
    """Print where the configuration file is."""
    path = settings.home.config / FILE_NAME
    if screen.json:
        screen.print_json({"schema": 1, "path": str(path), "exists": path.exists()})
        return
    screen.put(str(path))
    if not path.exists():
        screen.say("it does not exist yet; rq-agent init makes it")


def gather(
    settings: Settings,
    common: Common,
    environ: Mapping[str, str],
    file: ConfigFile,
    current: str,
    server: Context | None,
) -> list[Setting]:
    """Return every setting with its origin. Pure.

    Args:
        settings: as they came out.
        common: the options.
        environ: the environment.
        file: config.toml.
        current: name of the current context; empty if none was chosen.
        server: the context in use; None where the URL was given outright.
    """
    of_file = FILE_NAME
    of_server = _first(
        ("--context", common.context),
        ("--redis", common.redis),
        ("RQ_AGENT_REDIS_URL", environ.get("RQ_AGENT_REDIS_URL")),
        ("RQ_AGENT_CONTEXT", environ.get("RQ_AGENT_CONTEXT")),
        ("the current context", current),
        (of_file, file.redis.url),
    )
    namespace = _first(
        ("--namespace", common.namespace),
        ("RQ_AGENT_NAMESPACE", environ.get("RQ_AGENT_NAMESPACE")),
        (f"context {settings.context}", server and server.namespace),
        (of_file, file.redis.namespace),
    )
    archive = _first(
        ("RQ_AGENT_ARCHIVE", environ.get("RQ_AGENT_ARCHIVE")), (of_file, file.archive.location)
    )
    home = _first(("RQ_AGENT_HOME", environ.get("RQ_AGENT_HOME")))
    folders = settings.home
    return [
        Setting("context", settings.context, of_server),
        Setting("server", urls.redacted(settings.url) if settings.url else "embedded", of_server),
        Setting("namespace", settings.namespace, namespace),
        Setting("role", settings.role, f"context {settings.context}" if settings.role else ""),
        Setting("queue", settings.queue, of_file if file.submit.queue else _DEFAULT),
        Setting(
            "service queue",
            settings.service_queue,
            of_file if file.submit.service_queue else _DEFAULT,
        ),
        Setting(
            "durability",
            settings.durability or "stored",
            of_file if settings.durability else _DEFAULT,
        ),
        Setting("archive", settings.archive, archive),
        Setting(
            "strict", "yes" if settings.strict else "no", of_file if settings.strict else _DEFAULT
        ),
        *(
            Setting(f"{name} folder", str(getattr(folders, name)), home)
            for name in ("config", "state", "cache", "data")
        ),
    ]


def _first(*said: tuple[str, object]) -> str:
    return next((origin for origin, value in said if value), _DEFAULT)
