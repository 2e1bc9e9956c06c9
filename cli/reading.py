"""How commands that only look reach Redis: they start no server where nothing was submitted."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from ..broker.errors import SelectorError
from ..broker.keys import TaskId
from ..broker.lookups import Lookups
from . import identity, loop
from .broker_url import reading_url
from .config import Settings
from .connected import connected

if TYPE_CHECKING:
    from ..broker.namespace import Namespace

_Result = TypeVar("_Result")

NOTHING_YET: Final = "no tasks yet: nothing was ever submitted here"


def look(
    settings: Settings, step: Callable[["Namespace"], Awaitable[_Result]], otherwise: _Result
) -> _Result:
    """Return what step finds; `otherwise` where nothing was ever submitted."""
    if (url := reading_url(settings)) is None:
        return otherwise

    async def go() -> _Result:
        async with connected(url, settings.namespace) as namespace:
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
    found = [await lookups.resolve(selector, user=user) for selector in selectors]
    return list(dict.fromkeys(found))
