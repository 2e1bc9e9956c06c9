"""A quick look at Redis: what a command that only reads needs, without the client's import.

The client and asyncio take 0.1 s to import, as long as all the rest of such a command. The
look-ups are coroutines that wait for nothing but Redis, so they run to their end in one step
when the answers come at once, from a plain socket. Anything unusual (an error, most writes, another
kind of address, a script that the server does not know) is answered with NotQuick: the caller
then does the whole step with the real client. What was written by then may be written twice.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from . import urls
from .errors import RqAgentError
from .namespace import Namespace
from .quick_redis import NotQuick, QuickRedis
from .server_facts import judge

__all__ = ["NotQuick", "look"]

_Result = TypeVar("_Result")

_MAY_RUN_TWICE: Final = frozenset(
    {
        *("page", "positions", "results", "why"),  # write nothing
        *("age_queue", "cancel", "describe_queue", "limit_queue", "pause_queue", "resume_queue"),
        *("drain", "label_worker", "pause_worker", "restart", "resume_worker", "stop", "undrain"),
        "weigh_queue",
    }
)
"""Scripts whose second run, right after the first, changes nothing more."""


def look(
    url: str,
    namespace: str,
    step: Callable[[Namespace], Awaitable[_Result]],
    *,
    limit_s: float = 2.0,
) -> _Result:
    """Return what a step finds.

    Args:
        url: of a server that may be there; empty: where it is is not known.
        namespace: in it.
        step: may be begun, and given up before its first write.
        limit_s: for each answer.

    Raises:
        NotQuick: do it with the real client.
        RqAgentError: what the step itself has to say, such as "no task of this name".
    """
    if not url:
        raise NotQuick("no URL")
    try:
        with QuickRedis(urls.parse(url), timeout_s=limit_s) as redis:
            return _driven(_found(redis, url, namespace, step))
    except (NotQuick, RqAgentError):
        raise
    except Exception as e:  # whatever it is, the real client says it better
        raise NotQuick(repr(e)) from e


async def _found(
    redis: QuickRedis,
    url: str,
    namespace: str,
    step: Callable[[Namespace], Awaitable[_Result]],
) -> _Result:
    judge(await redis.info(), where=urls.redacted(url))
    same: Any = redis  # it has those methods of the client that look-ups call
    opened = await Namespace.open(same, namespace)
    known = opened.scripts.made
    redis.may_run = lambda sha: any(known[n].sha == sha for n in _MAY_RUN_TWICE & known.keys())
    return await step(opened)


def _driven(step: Awaitable[_Result]) -> _Result:
    """Run a coroutine that waits for nothing."""
    coroutine: Any = step
    try:
        coroutine.send(None)
    except StopIteration as end:
        result: _Result = end.value
        return result
    coroutine.close()
    raise NotQuick("it waits for something else than Redis")
