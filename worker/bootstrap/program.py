"""Runs a script as `python SCRIPT` would, then asks whether every override was read.

What each task loads does without `from __future__ import annotations`: its module takes as long
to load as one of these.
"""

import builtins
import os
import sys

from . import registry
from .ledger import Ledger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

_FOLDER = os.path.dirname(__file__)
_USAGE_EXIT = 2


def start() -> None:
    """Leave no trace of ours but the private package, then run what the command line says."""
    package = sys.modules["_rq_agent_bootstrap"]
    vars(package)["launcher"] = sys.modules["__main__"]  # keeps the globals of run.py alive
    _leave_the_path()
    main(sys.argv[1:])


def _leave_the_path() -> None:
    """Take our folder off sys.path: a user's `program.py` or `values.py` must stay theirs."""
    has_own_folder = not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated
    if has_own_folder and sys.path and os.path.realpath(sys.path[0]) == os.path.realpath(_FOLDER):
        del sys.path[0]


def main(argv: "Sequence[str]") -> None:
    """Run argv[0] with the rest as its arguments; end as the script ends.

    `-m` and the name of a module may stand before it: it is run as by `python -m` then.
    """
    name = ""
    if argv[:1] == ["-m"]:
        name, argv = argv[1], argv[2:]
    if not argv:
        raise SystemExit("rq-agent: the bootstrap needs a script to run")
    script = argv[0]
    ledger = Ledger.from_environment(script)
    vars(sys.modules["_rq_agent_bootstrap"])["current"] = ledger  # where rq_agent.params looks
    source = _read(script)
    sys.argv[:] = argv
    if not getattr(sys.flags, "safe_path", False) and not sys.flags.isolated:
        sys.path.insert(0, os.getcwd() if name else os.path.dirname(os.path.realpath(script)))
    registry.install(ledger)
    try:
        module = _main_module(script)
        if name:
            from . import modules  # most tasks never pay for it

            source = _read(modules.become(module, name))
        _execute(source, module)
    except SystemExit as stop:
        if stop.code is None or stop.code == 0:
            _check_overrides(ledger)
        raise
    except BaseException:
        _hide_own_frames()
        raise
    _check_overrides(ledger)


def _read(script: str) -> bytes:
    try:
        with open(script, "rb") as file:
            return file.read()
    except OSError as e:
        full = os.path.join(os.getcwd(), script)
        reason = f"[Errno {e.errno}] {e.strerror}"
        sys.stderr.write(f"{sys.executable}: can't open file {full!r}: {reason}\n")
        raise SystemExit(_USAGE_EXIT) from None


def _main_module(script: str) -> "ModuleType":
    """Put a fresh `__main__` in place, with the attributes that Python gives a script."""
    module = type(sys)("__main__")
    path = os.path.join(os.getcwd(), script)  # not normalized: neither does Python
    loaders = sys.modules["_frozen_importlib_external"]
    module.__file__ = path
    module.__loader__ = loaders.SourceFileLoader("__main__", path)
    given: dict[str, object] = {"__cached__": None, "__builtins__": builtins}
    if sys.version_info < (3, 14):
        given["__annotations__"] = {}
    vars(module).update(given)
    sys.modules["__main__"] = module
    return module


def _execute(source: bytes, module: "ModuleType") -> None:
    assert module.__file__ is not None
    code: CodeType = compile(source, module.__file__, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102  the purpose of this program


def _hide_own_frames() -> None:
    try:
        from . import tracebacks  # most tasks never pay for it
    except (ImportError, OSError):
        return  # the script used up its files, say: the exception is worth more than its looks
    tracebacks.hide_own_frames()


def _check_overrides(ledger: Ledger) -> None:
    """An override that nobody read makes a wrong experiment: say so, and end with 2."""
    if not ledger.is_main_process() or not ledger.unread():
        return
    _join_threads()  # a thread may still read parameters
    if ledger.unread():
        sys.stderr.write(f"rq-agent: error: {ledger.complaint()}\n")
        raise SystemExit(_USAGE_EXIT) from None


def _join_threads() -> None:
    threading = sys.modules.get("threading")
    if threading is None:
        return
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
