"""What `python -m` does: a module of a package runs as the program, and knows its package."""

import importlib.util
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_NO_MODULE_EXIT = 1


def become(main: "ModuleType", name: str) -> str:
    """Give `__main__` the attributes that it has under `python -m`; return the path of its code.

    Args:
        main: the module that is `__main__`.
        name: dotted, of a module or of a package with a `__main__`. Its packages are imported.
    """
    spec = _find(name)
    assert spec.origin is not None
    main.__spec__ = spec
    main.__loader__ = spec.loader
    main.__package__ = spec.parent
    main.__file__ = sys.argv[0] = spec.origin
    vars(main)["__cached__"] = spec.cached
    return spec.origin


def _find(name: str) -> "ModuleSpec":
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    if spec is None or spec.origin is None or not spec.has_location:
        sys.stderr.write(f"{sys.executable}: No module named {name}\n")
        raise SystemExit(_NO_MODULE_EXIT)
    return spec
