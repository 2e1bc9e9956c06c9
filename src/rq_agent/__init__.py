"""rq-agent: Python work on the machines you own, through one Redis.

Names are looked up on first use, so that `import rq_agent` in a training script costs nothing.
"""

TYPE_CHECKING = False  # typing itself costs more than all the rest; type checkers know the name
if TYPE_CHECKING:
    from .sdk.params import params as params

__version__ = "0.1.0"
__all__ = ["__version__", "params"]

_LAZY = {"params": (".sdk.params", "params")}


def __getattr__(name: str) -> object:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _LAZY[name]
    loaded = __import__(__name__ + module, fromlist=[attribute])  # importlib costs milliseconds
    found = globals()[name] = getattr(loaded, attribute)
    return found
