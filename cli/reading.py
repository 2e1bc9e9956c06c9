"""How commands that only look reach Redis: they start no server where nothing was submitted."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from ..broker import quick_look
from ..broker.errors import SelectorError
from ..broker.keys import TaskId
from ..broker.lookups import Lookups
from . import identity
from .broker_url import likely_url, reading_url
from .config import Settings

if TYPE_CHECKING:
    from ..broker.namespace import Namespace

_Result = TypeVar("_Result")

NOTHING_YET: Final = "no tasks yet: nothing was ever submitted here"


def look(
    settings: Settings, step: Callable[["Namespace"], Awaitable[_Result]], otherwise: _Result
) -> _Result:
    """Return what step finds; `otherwise` where nothing was ever submitted.

    A step may be begun twice: what is quick is tried first, and is given up before what must be
    done once; see quick_look.py.
    """
    try:
        return quick_look.look(likely_url(settings), settings.namespace, step)
    except quick_look.NotQuick:
        url = reading_url(settings)
    return otherwise if url is None else _look_well(url, settings.namespace, step)


def look_at_tasks(settings: Settings, step: Callable[["Namespace"], Awaitable[_Result]]) -> _Result:
    """Return what step finds of tasks that were named; see look().

    Raises:
        SelectorError: nothing was ever submitted, so no name names a task.
    """
    found = look(settings, step, None)
    if found is None:
        raise SelectorError(NOTHING_YET)
    return found


def _look_well(url: str, name: str, step: Callable[["Namespace"], Awaitable[_Result]]) -> _Result:
    from . import loop
    from .connected import connected

    async def go() -> _Result:
        async with connected(url, name) as namespace:
            return await step(namespace)

    return loop.run(go)


def url_of_tasks(settings: Settings) -> str:
    """Return the URL of the server that holds the tasks that were named.

    Raises:
        SelectorError: nothing was ever submitted, so no name names a task.
    """
    if (url := reading_url(settings)) is None:
        raise SelectorError(NOTHING_YET)
    return url


async def resolve(namespace: "Namespace", selectors: Sequence[str]) -> list[TaskId]:
    """Return the tasks that a person named, each once, in their order."""
    lookups = Lookups(namespace)
    user = identity.user_name()
    found = [await lookups.resolve(as_written(each), user=user) for each in selectors]
    return list(dict.fromkeys(found))


def as_written(argument: str) -> str:
    """Return an argument as it was written in UTF-8, also where the locale knows only ASCII."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
