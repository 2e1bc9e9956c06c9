"""rq-agent: Python work on the machines you own, through one Redis.

Names are looked up on first use, so that `import rq_agent` in a training script costs nothing.
"""

TYPE_CHECKING = False  # typing itself costs more than all the rest; type checkers know the name
if TYPE_CHECKING:
    from .api.client import Client as Client
    from .api.ends import NoResult as NoResult
    from .api.ends import TaskCancelled as TaskCancelled
    from .api.ends import TaskEnded as TaskEnded
    from .api.ends import TaskErrored as TaskErrored
    from .api.ends import TaskFailed as TaskFailed
    from .api.ends import TaskNotRun as TaskNotRun
    from .api.ends import TaskTimedOut as TaskTimedOut
    from .api.handle import Handle as Handle
    from .api.sync_client import SyncClient as SyncClient
    from .sdk.params import params as params
    from .sdk.task import task as task

__version__ = "0.1.0"
__all__ = [
    "Client",
    "Handle",
    "NoResult",
    "SyncClient",
    "TaskCancelled",
    "TaskEnded",
    "TaskErrored",
    "TaskFailed",
    "TaskNotRun",
    "TaskTimedOut",
    "__version__",
    "params",
    "task",
]

_LAZY = {
    "Client": ".api.client",
    "Handle": ".api.handle",
    "NoResult": ".api.ends",
    "SyncClient": ".api.sync_client",
    "TaskCancelled": ".api.ends",
    "TaskEnded": ".api.ends",
    "TaskErrored": ".api.ends",
    "TaskFailed": ".api.ends",
    "TaskNotRun": ".api.ends",
    "TaskTimedOut": ".api.ends",
    "params": ".sdk.params",
    "task": ".sdk.task",
}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    loaded = _module(_LAZY[name], name)
    found = globals()[name] = getattr(loaded, name)
    return found


def _module(module: str, name: str) -> object:
    try:
        return __import__(__name__ + module, fromlist=[name])  # importlib costs milliseconds
    except ModuleNotFoundError as e:
        if e.name != f"{__name__}.api":
            raise
        # The environment of a task: only the sdk is there.
        return __import__(f"{__name__}.sdk.absent", fromlist=[name])
