"""The only reader of the environment and of the configuration file."""

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ..broker import home, urls
from ..broker.errors import SelectorError, UsageError
from ..broker.home import Home
from ..broker.names import check_queue
from . import contexts
from .config_file import FILE_NAME, ConfigFile, RedisTable, WorkTable, read_file
from .contexts import CONFIGURED, LOCAL, Context

if TYPE_CHECKING:
    from .options import Common

DEFAULT_NAMESPACE: Final = "default"
DEFAULT_QUEUE: Final = "default"
SERVICES_QUEUE: Final = "services"

_VARIABLES: Final = (
    "RQ_AGENT_REDIS_URL",
    "RQ_AGENT_CONTEXT",
    "RQ_AGENT_NAMESPACE",
    "RQ_AGENT_HOME",
    "RQ_AGENT_OUTPUT",
    "RQ_AGENT_ARCHIVE",
)
_OF_TASKS: Final = ("TASK_ID", "ATTEMPT", "FENCE", "QUEUE", "WORKER", "PARAMS_FILE", "USED_FILE")
_KNOWN: Final = (*_VARIABLES, *(f"RQ_AGENT_{name}" for name in _OF_TASKS))


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a program says itself, as options do; also before any option is known."""

    redis: str = ""
    context: str = ""
    namespace: str = ""
    json: bool = False
    no_color: bool = False
    verbose: bool = False


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a command works with, wherever it was said."""

    url: str
    """Empty: the embedded server."""
    namespace: str
    strict: bool
    """A worker does not start on a server that there is a warning about."""
    archive: str
    """Folder or URL where tasks go that leave Redis; empty: they stay."""
    queue: str = DEFAULT_QUEUE
    """Where new tasks go when no queue is named."""
    service_queue: str = SERVICES_QUEUE
    """The same, of light tasks."""
    durability: str = ""
    """How sure `submit` and `run` are to be of a task; see broker/durability.py."""
    work: WorkTable = WorkTable()
    """What workers are told where no option says it."""
    home: Home
    context: str = ""
    """Name of the context that the URL is of; empty: it was given outright."""
    role: str = ""
    """As what its user comes; empty: nobody said."""
    json: bool
    color: bool
    """False: print none, also on a terminal."""
    verbose: bool


def load(
    common: "Common | Said | None" = None,
    environ: Mapping[str, str] = os.environ,
    *,
    home: Home | None = None,
) -> Settings:
    """Return the settings: options first, then environment, file and defaults.

    Args:
        common: the options.
        environ: the environment.
        home: the user's folders, where they are another user's.

    Raises:
        SelectorError: there is no context of the name that was given.
        UsageError: one of them is wrong; names it.
    """
    common = common or Said()
    _check_names(environ)
    place = home or home_of(environ)
    file = read_file(place.config / FILE_NAME)
    server = _server(common, environ, place, file.redis)
    namespace = (
        common.namespace
        or environ.get("RQ_AGENT_NAMESPACE")
        or server.namespace
        or file.redis.namespace
        or DEFAULT_NAMESPACE
    )
    contexts.checked_namespace(namespace)
    if url := server.url:
        _check_url(server, common, place)
    return Settings(
        url=url,
        namespace=namespace,
        strict=file.redis.strict,
        archive=_archive(environ, file) or ("" if url else str(place.data / "archive")),
        queue=_queue(file.submit.queue or DEFAULT_QUEUE, place.config / FILE_NAME, "queue"),
        service_queue=_queue(
            file.submit.service_queue or SERVICES_QUEUE,
            place.config / FILE_NAME,
            "service_queue",
        ),
        durability=file.submit.durability,
        work=file.work,
        home=place,
        context=server.name,
        role=server.role,
        json=common.json or _wants_json(environ),
        color=not common.no_color and not environ.get("NO_COLOR"),
        verbose=common.verbose,
    )


def without_server(common: "Common | Said", environ: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings for a command that must work whatever the configuration says.

    Neither config.toml nor a context is read: no server is configured, and the namespace is the
    default one.

    Raises:
        UsageError: a variable is wrong; names it.
    """
    _check_names(environ)
    return Settings(
        url="",
        namespace=DEFAULT_NAMESPACE,
        strict=False,
        archive="",
        home=home_of(environ),
        json=common.json or _wants_json(environ),
        color=not common.no_color and not environ.get("NO_COLOR"),
        verbose=common.verbose,
    )


def variables() -> Mapping[str, str]:
    """Return the environment, for what is handed on from it: `--env NAME`, a worker's own."""
    return os.environ


def handed_on(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which a process of ours works with the same server and home.

    A password goes this way or stays in its file: everybody can read arguments.

    Args:
        settings: of this process.
        environ: of this process.
    """
    ours = {"RQ_AGENT_NAMESPACE": settings.namespace}
    if settings.context:
        ours["RQ_AGENT_CONTEXT"] = settings.context
    else:
        ours["RQ_AGENT_REDIS_URL"] = settings.url
    if environ.get("RQ_AGENT_HOME"):
        ours["RQ_AGENT_HOME"] = str(settings.home.config.parent)
    left_out = ("RQ_AGENT_REDIS_URL", "RQ_AGENT_CONTEXT", "RQ_AGENT_OUTPUT")
    return {name: value for name, value in environ.items() if name not in left_out} | ours


def named(name: str, home: Home, redis: RedisTable) -> Context:
    """Return the context of a name, also of a reserved one.

    Raises:
        SelectorError: there is none.
        UsageError: it can't be read or used.
    """
    if name == LOCAL:
        return Context(name=LOCAL, url="", role=LOCAL)
    if name != CONFIGURED:
        return contexts.load(home, name)
    if not redis.url:
        raise UsageError(
            f"the context {CONFIGURED} is what config.toml says, but it has no url in [redis]"
        )
    return Context(name=CONFIGURED, url=redis.url, namespace=redis.namespace)


def _server(
    common: "Common | Said", environ: Mapping[str, str], place: Home, redis: RedisTable
) -> Context:
    """Return which server is meant; the name is empty where a URL was given outright."""
    if common.redis and common.context:
        raise UsageError("--redis and --context both name a server: give one of them")
    if common.context:
        return named(common.context, place, redis)
    if url := common.redis or environ.get("RQ_AGENT_REDIS_URL", ""):
        return Context(name="", url=url)
    if name := environ.get("RQ_AGENT_CONTEXT", ""):
        try:
            return named(name, place, redis)
        except (SelectorError, UsageError) as e:
            raise type(e)(f"RQ_AGENT_CONTEXT: {e}") from e
    if name := contexts.current(place):
        if name in contexts.RESERVED:
            return named(name, place, redis)
        return contexts.load_current(place, name)
    return named(CONFIGURED if redis.url else LOCAL, place, redis)


def _check_url(server: Context, common: "Common | Said", place: Home) -> None:
    """Raise UsageError for an address that is none; says where it stands."""
    try:
        urls.parse(server.url)
    except UsageError as e:
        if server.name == CONFIGURED:
            raise UsageError(f"{place.config / FILE_NAME}: redis.url: {e}") from e
        if server.name or common.redis:
            raise
        raise UsageError(f"RQ_AGENT_REDIS_URL: {e}") from e


def home_of(environ: Mapping[str, str]) -> Home:
    """Return the user's folders.

    Raises:
        UsageError: RQ_AGENT_HOME names a file.
    """
    if not (folder := environ.get("RQ_AGENT_HOME")):
        return home.platform_home()
    path = Path(folder).expanduser()
    if path.exists() and not path.is_dir():
        raise UsageError(f"RQ_AGENT_HOME: {path} is not a folder")
    return home.below(path.absolute())


def _queue(name: str, path: Path, key: str) -> str:
    try:
        check_queue(name)
    except UsageError as e:
        raise UsageError(f"{path}: submit.{key}: {e}") from e
    return name


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
