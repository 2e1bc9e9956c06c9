"""The only reader of the environment and of the configuration file."""

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import msgspec

from ..broker import home, urls
from ..broker.errors import UsageError
from ..broker.home import Home
from ..broker.keys import NAME_PATTERN
from .options import Common

FILE_NAME: Final = "config.toml"
DEFAULT_NAMESPACE: Final = "default"

_VARIABLES: Final = (
    "RQ_AGENT_REDIS_URL",
    "RQ_AGENT_NAMESPACE",
    "RQ_AGENT_HOME",
    "RQ_AGENT_OUTPUT",
    "RQ_AGENT_ARCHIVE",
)
_OF_TASKS: Final = ("TASK_ID", "ATTEMPT", "FENCE", "QUEUE", "WORKER", "PARAMS_FILE", "USED_FILE")
_KNOWN: Final = (*_VARIABLES, *(f"RQ_AGENT_{name}" for name in _OF_TASKS))


class RedisTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[redis]` of the configuration file."""

    url: str = ""
    namespace: str = ""
    strict: bool = False
    """Workers don't start on a server that there is a warning about."""


class ArchiveTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table `[archive]` of the configuration file."""

    location: str = ""


class ConfigFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The configuration file."""

    redis: RedisTable = RedisTable()
    archive: ArchiveTable = ArchiveTable()


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a command works with, wherever it was said."""

    url: str
    """Empty: the embedded server."""
    namespace: str
    strict: bool
    """A worker does not start on a server that there is a warning about."""
    archive: str
    """Folder or URL where tasks go that leave Redis; empty: they stay."""
    home: Home
    json: bool
    color: bool
    """False: print none, also on a terminal."""
    verbose: bool


def load(common: Common | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings: options first, then environment, file and defaults.

    Raises:
        UsageError: one of them is wrong; names it.
    """
    common = common or Common()
    _check_names(environ)
    place = _home(environ)
    file = read_file(place.config / FILE_NAME)
    namespace = (
        common.namespace
        or environ.get("RQ_AGENT_NAMESPACE")
        or file.redis.namespace
        or DEFAULT_NAMESPACE
    )
    if not NAME_PATTERN.fullmatch(namespace):
        raise UsageError(
            f"namespace {namespace!r}: use 1 to 63 letters, digits, dots, dashes, underscores"
        )
    url = common.redis or environ.get("RQ_AGENT_REDIS_URL", "") or file.redis.url
    if url:
        urls.parse(url)
    return Settings(
        url=url,
        namespace=namespace,
        strict=file.redis.strict,
        archive=_archive(environ, file) or ("" if url else str(place.data / "archive")),
        home=place,
        json=common.json or _wants_json(environ),
        color=not common.no_color and not environ.get("NO_COLOR"),
        verbose=common.verbose,
    )


def variables() -> Mapping[str, str]:
    """Return the environment, for what is handed on from it: `--env NAME`, a worker's own."""
    return os.environ


def read_file(path: Path) -> ConfigFile:
    """Return what the configuration file says; nothing when there is none.

    Raises:
        UsageError: it can't be read or understood; says where and what is allowed.
    """
    import tomllib

    try:
        text = path.read_text("utf-8")
        return msgspec.convert(tomllib.loads(text), ConfigFile)
    except FileNotFoundError:
        return ConfigFile()
    except (OSError, UnicodeDecodeError) as e:
        raise UsageError(f"{path}: can't be read: {e}") from e
    except tomllib.TOMLDecodeError as e:
        raise UsageError(f"{path}: is not TOML: {e}") from e
    except msgspec.ValidationError as e:
        raise UsageError(f"{path}, {_explained(str(e), text)}") from e


def _explained(problem: str, text: str) -> str:
    """Return where in the file a problem lies, and what is allowed there."""
    unknown = re.search(r"unknown field `([^`]*)`", problem)
    path = re.search(r"`\$\.?([^`]*)`$", problem)
    table = path[1] if path else ""
    if unknown is None:
        return (
            f"line {_line_of(table.rpartition('.')[2], text)}: {table}: {problem.split(' - ')[0]}"
        )
    name = unknown[1]
    tables: dict[str, type[msgspec.Struct]] = {"redis": RedisTable, "archive": ArchiveTable}
    allowed = tables.get(table, ConfigFile).__struct_fields__
    near = get_close_matches(name, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    where = f"in [{table}]" if table else "outside of a table"
    return f"line {_line_of(name, text)}: {name} is not known {where}; {hint}allowed: {', '.join(allowed)}"


def _line_of(name: str, text: str) -> int:
    """Return the first line that sets a key or opens a table of this name."""
    pattern = re.compile(rf"\s*(\[\s*)?['\"]?{re.escape(name)}['\"]?\s*[=\].]")
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, start=1) if pattern.match(line)), 1)


def _home(environ: Mapping[str, str]) -> Home:
    if not (folder := environ.get("RQ_AGENT_HOME")):
        return home.platform_home()
    path = Path(folder).expanduser()
    if path.exists() and not path.is_dir():
        raise UsageError(f"RQ_AGENT_HOME: {path} is not a folder")
    return home.below(path.absolute())


def _archive(environ: Mapping[str, str], file: ConfigFile) -> str:
    """Return where the archive is said to be; empty where nothing is said."""
    location = environ.get("RQ_AGENT_ARCHIVE", "") or file.archive.location
    if not location or "://" in location:
        return location
    path = Path(location).expanduser()
    if not path.is_absolute():  # it would be another folder for each command's working directory
        raise UsageError(f"the archive's location {location!r} is relative: give the whole path")
    return str(path)


def _wants_json(environ: Mapping[str, str]) -> bool:
    output = environ.get("RQ_AGENT_OUTPUT", "")
    if output not in ("", "json", "text"):
        raise UsageError(f"RQ_AGENT_OUTPUT is {output!r}: use json or text")
    return output == "json"


def _check_names(environ: Mapping[str, Any]) -> None:
    """Refuse a variable that is likely a typo of one of ours: it would silently do nothing."""
    for name in environ:
        if not name.startswith("RQ_AGENT") or name in _KNOWN:
            continue
        if near := get_close_matches(name, _VARIABLES, n=1, cutoff=0.85):
            raise UsageError(
                f"the environment variable {name} is not known; did you mean {near[0]}?"
            )
