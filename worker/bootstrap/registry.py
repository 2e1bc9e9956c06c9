"""Attaches the hooks: now, if their library is loaded, else when the script imports it."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    from .ledger import Ledger

HOOKS = {"argparse": "argparse_hook"}
"""Library -> the file in `hooks/` whose `install(library, ledger)` hooks it."""


def install(ledger: "Ledger") -> None:
    """Attach every hook; costs nothing for libraries that the script never imports."""
    waiting = set(HOOKS)
    for library in sorted(HOOKS):
        if library in sys.modules:
            waiting.discard(library)
            attach(sys.modules[library], ledger)
    if waiting:
        sys.meta_path.insert(0, ImportWatch(waiting, ledger))


def attach(library: "ModuleType", ledger: "Ledger") -> None:
    """Hook one library that is loaded."""
    hook = __import__(f"{__package__}.hooks.{HOOKS[library.__name__]}", fromlist=["install"])
    hook.install(library, ledger)


class ImportWatch:
    """A finder that finds nothing itself: it hooks a library right after its first import."""

    def __init__(self, waiting: "set[str]", ledger: "Ledger") -> None:
        self._waiting = waiting
        self._ledger = ledger

    def find_spec(
        self,
        name: str,
        path: "Sequence[str] | None" = None,
        target: "ModuleType | None" = None,
    ) -> "ModuleSpec | None":
        """The spec that the other finders give, with the hook behind its loader."""
        if name not in self._waiting:
            return None
        self._waiting.discard(name)
        if not self._waiting and self in sys.meta_path:
            sys.meta_path.remove(self)
        for finder in list(sys.meta_path):
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                self._hook_after_loading(spec)
                return spec
        return None

    def _hook_after_loading(self, spec: "ModuleSpec") -> None:
        loader = spec.loader
        if loader is None:
            return
        load = loader.exec_module

        def exec_module(module: "ModuleType") -> None:
            del loader.exec_module  # once
            load(module)
            attach(module, self._ledger)

        loader.exec_module = exec_module  # type: ignore[method-assign]
