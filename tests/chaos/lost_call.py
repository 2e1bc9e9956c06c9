"""One call that changes something in Redis: made ready, and then made, maybe twice."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from rq_agent.broker.namespace import Namespace

Call = Callable[[Namespace], Awaitable[Any]]
Ready = Callable[[Namespace, Path], Awaitable[Call]]
"""Prepares a namespace and returns the call; the same call again is what a caller repeats."""

CASES: Final[dict[str, Ready]] = {}
"""By the script, with `/<variant>` where it has several."""


def case(name: str) -> Callable[[Ready], Ready]:
    """Note the case of a script."""

    def note(ready: Ready) -> Ready:
        CASES[name] = ready
        return ready

    return note
