"""Which interpreter of this machine a task gets."""

import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from ...broker.errors import BuildError
from . import probe
from .uv import Ran, Uv, run

_VERSION: Final = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?\Z")
_FIND: Final = ("python", "find", "--system", "--no-project")


class Interpreter(msgspec.Struct, frozen=True, kw_only=True):
    """One Python of this machine: the answers of probe.py."""

    executable: str
    """Never that of a virtual environment, never a shim."""
    version: str
    implementation: str
    platform: str
    abi: str
    libc: str
    site_packages: str
    """Where a virtual environment of it keeps packages, relative to the environment."""
    pip_wheel: str
    """The pip that came with it, which runs from the wheel as it is; empty if none did."""


class _Found(msgspec.Struct, frozen=True):
    interpreter: Interpreter
    stamp: tuple[int, int]


class _Listed(msgspec.Struct, frozen=True):
    version: str


class Pythons:
    """Finds interpreters and remembers what it found for as long as the files stay the same."""

    def __init__(self, uv: Uv) -> None:
        path = search_path(uv.variables)
        self._uv = msgspec.structs.replace(uv, variables=uv.variables | {"PATH": path})
        self._found: dict[str, _Found] = {}

    async def resolve(self, request: str) -> Interpreter:
        """Return the interpreter for a PEP 440 specifier, a version or "" (any).

        The worker's own Python is taken where it fits, so most tasks need no search.

        Raises:
            BuildError: the request is malformed, or this machine has no such Python.
        """
        known = self._found.get(request)
        if known and known.stamp == _stamp(known.interpreter.executable):
            return known.interpreter
        interpreter = await self._search(wanted(request), request)
        self._found[request] = _Found(interpreter, _stamp(interpreter.executable))
        return interpreter

    async def _search(self, wanted: SpecifierSet, request: str) -> Interpreter:
        own = msgspec.convert(probe.facts(), Interpreter)
        if wanted.contains(own.version, prereleases=True):
            return own
        found = await self._find(wanted)
        if found.code != 0 and self._uv.variables["UV_PYTHON_DOWNLOADS"] == "automatic":
            await run(self._uv, "python", "install", str(wanted))
            found = await self._find(wanted)
        if found.code != 0:
            raise BuildError(
                f"python {request} is not on this machine; found: {await self._versions()}; "
                "install it there, or ask for one of these",
                found.words,
            )
        return await self._ask(found.output.strip())

    async def _find(self, wanted: SpecifierSet) -> Ran:
        return await run(self._uv, *_FIND, str(wanted))

    async def _ask(self, executable: str) -> Interpreter:
        told = await run(self._uv, "-I", str(Path(probe.__file__)), program=executable)
        if told.code != 0:
            raise BuildError(f"python {executable} does not start (exit {told.code})", told.words)
        return msgspec.json.decode(told.output, type=Interpreter)

    async def _versions(self) -> str:
        listed = await run(self._uv, "python", "list", "--only-installed", "--output-format=json")
        rows = msgspec.json.decode(listed.output or "[]", type=list[_Listed])
        versions = {platform.python_version(), *(row.version for row in rows)}
        return ", ".join(sorted(versions, key=Version))


def wanted(request: str) -> SpecifierSet:
    """Return what a person's words for a Python version mean: `3.11` is any 3.11."""
    text = request.strip()
    if _VERSION.match(text):
        parts = text.split(".")
        text = f"=={text}" if len(parts) > 2 else f"=={text}.*"
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise BuildError(
            f"python {request!r} is neither a version like 3.11 nor a range like >=3.10,<3.13"
        ) from None


def search_path(variables: Mapping[str, str]) -> str:
    """Return the PATH with pyenv's interpreters in place of its shims.

    A shim only works for the versions that `pyenv global` names; the others are there all the same.
    """
    root = Path(variables.get("PYENV_ROOT") or Path(variables.get("HOME", "/"), ".pyenv"))
    readable = os.access(root / "versions", os.R_OK | os.X_OK)
    versions = root.glob("versions/3.*") if readable else ()
    real = [str(v / "bin") for v in sorted(versions, key=_numbers, reverse=True)]
    inherited = variables.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join([*(p for p in inherited if p != str(root / "shims")), *real])


def _numbers(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.name)]


def _stamp(executable: str) -> tuple[int, int]:
    """Return what changes when an interpreter is replaced; zeros when it is gone."""
    try:
        status = os.stat(executable)
    except FileNotFoundError:
        return (0, 0)
    return (status.st_ino, status.st_mtime_ns)
