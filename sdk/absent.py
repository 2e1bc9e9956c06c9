"""What stands for the client where only this folder is: in the environment of a task.

A module whose functions are tasks may import the client, and even make one at its top, to submit
from elsewhere. So that has to work here too; only using it does not.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_WORDS = (
    "rq_agent.{}: the client is not in this environment; for a task that submits others,"
    " add rq-agent to its requirements"
)


class _Absent:
    """Can be made, not used."""

    def __init__(self, *_args: Any, **_settings: Any) -> None:
        pass

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        self._refuse()

    def __enter__(self) -> NoReturn:
        self._refuse()

    def __exit__(self, *_error: object) -> NoReturn:
        self._refuse()

    async def __aenter__(self) -> NoReturn:
        self._refuse()

    async def __aexit__(self, *_error: object) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise RuntimeError(_WORDS.format(type(self).__name__))


class Client(_Absent):
    """Stands for `rq_agent.Client`."""


class SyncClient(_Absent):
    """Stands for `rq_agent.SyncClient`."""


class Handle:
    """Stands for `rq_agent.Handle`, in annotations."""


class NoResult(Exception):
    """Stands for `rq_agent.NoResult`: nobody raises it here, nor those below."""


class TaskEnded(Exception):
    """Stands for `rq_agent.TaskEnded`."""


class TaskFailed(TaskEnded):
    """Stands for `rq_agent.TaskFailed`."""


class TaskErrored(TaskEnded):
    """Stands for `rq_agent.TaskErrored`."""


class TaskTimedOut(TaskEnded):
    """Stands for `rq_agent.TaskTimedOut`."""


class TaskCancelled(TaskEnded):
    """Stands for `rq_agent.TaskCancelled`."""


class TaskNotRun(TaskEnded):
    """Stands for `rq_agent.TaskNotRun`."""
