"""Copies what tasks read (the sdk, the bootstrap, the host) out of the package into the cache.

An upgrade of the package then changes nothing under a running task, and interpreters of other
environments can read it. Folders are named by content, so any number of workers share them.
"""

import compileall
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from .. import __version__

_PACKAGE: Final = "rq_agent"
_FILE_MODE: Final = 0o444
_FOLDER_MODE: Final = 0o555
_BYTECODE: Final = "__pycache__"
_PROCESS: Final = ("__init__.py", "identity.py", "prctl.py", "tree.py")


def materialize(cache: Path) -> Path:
    """Return a folder for the end of sys.path that holds only `rq_agent/` with the sdk."""
    root = resources.files(_PACKAGE)
    files = {
        f"{_PACKAGE}/{name}": (root / name).read_bytes() for name in ("__init__.py", "py.typed")
    }
    files |= {f"{_PACKAGE}/sdk/{name}": content for name, content in _python_files(root / "sdk")}
    return _store(cache / "sdk", files)


def bootstrap_path(cache: Path) -> Path:
    """Return the program that tasks start with: `<python> -u <this> SCRIPT [ARGUMENT ...]`."""
    files = dict(_python_files(resources.files(_PACKAGE) / "worker" / "bootstrap"))
    return _store(cache / "bootstrap", files) / "run.py"


def host_path(cache: Path) -> Path:
    """Return the program of hosts: `<python> -u <this> FOLDER KIND [ARGUMENT ...]`."""
    worker = resources.files(_PACKAGE) / "worker"
    files = {f"host/{name}": content for name, content in _python_files(worker / "host")}
    # A host of processes ends trees of them as a shim does.
    files |= {f"process/{name}": (worker / "process" / name).read_bytes() for name in _PROCESS}
    return _store(cache / "host", files) / "host" / "run.py"


def _python_files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    """Pairs of (path below the folder, content), by name."""
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        if entry.is_dir() and entry.name != _BYTECODE:
            yield from _python_files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".py"):
            yield prefix + entry.name, entry.read_bytes()


def _store(parent: Path, files: Mapping[str, bytes]) -> Path:
    """Return the folder of these files below parent; made in one step if it is not there."""
    target = parent / f"{__version__}-{_digest(files)}"
    if _holds(target, files):
        return target
    parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    try:
        _write(fresh, files)
        # Ready for tasks in our Python; PYTHONDONTWRITEBYTECODE would double their start.
        compileall.compile_dir(fresh, stripdir=str(fresh), prependdir=str(target), quiet=2)
        _put(fresh, target, files)
    finally:
        _remove(fresh)
    return target


def _digest(files: Mapping[str, bytes]) -> str:
    whole = hashlib.sha256()
    for name in sorted(files):
        whole.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return whole.hexdigest()[:16]


def _holds(folder: Path, files: Mapping[str, bytes]) -> bool:
    try:
        return all((folder / name).read_bytes() == content for name, content in files.items())
    except (FileNotFoundError, NotADirectoryError):
        return False


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(_FILE_MODE)
        # Tasks of each Python version leave their bytecode here; the rest is read-only.
        (path.parent / _BYTECODE).mkdir(exist_ok=True)
    for inner in [*folder.rglob("*"), folder]:
        if inner.is_dir() and inner.name != _BYTECODE:
            inner.chmod(_FOLDER_MODE)


def _put(fresh: Path, target: Path, files: Mapping[str, bytes]) -> None:
    """Rename into place; another worker may have been faster, or the old one is damaged."""
    try:
        fresh.rename(target)
    except OSError:
        if _holds(target, files):
            return
        damaged = Path(tempfile.mkdtemp(prefix=".damaged-", dir=target.parent))
        target.rename(damaged)
        _remove(damaged)
        fresh.rename(target)


def _remove(folder: Path) -> None:
    if not folder.exists():
        return
    for inner, _, _ in os.walk(folder):
        Path(inner).chmod(0o755)
    shutil.rmtree(folder)
