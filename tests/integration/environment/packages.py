"""Packages made on the spot, so that building environments needs no network and no seconds."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import anyio

from rq_agent.broker.definition import EnvironmentSpec

_METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
_WHEEL = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_HANGING_BACKEND = """
import os, pathlib, signal
def get_requires_for_build_wheel(config_settings=None):
    pathlib.Path({fifo!r}).write_text(str(os.getpid()))
    signal.pause()
"""


class Packages:
    """A folder of packages and the options that make uv look only there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options = ("--no-index", f"--find-links {folder}")

    def wheel(self, name: str, version: str = "1.0", *, scripts: str = "", **files: str) -> Path:
        """Write a wheel of one module per keyword; `scripts`: lines like `tool = module:main`."""
        about = f"{name}-{version}.dist-info"
        contents = {f"{module}.py": text for module, text in (files or {name: ""}).items()}
        contents[f"{about}/METADATA"] = _METADATA.format(name=name, version=version)
        contents[f"{about}/WHEEL"] = _WHEEL
        if scripts:
            contents[f"{about}/entry_points.txt"] = f"[console_scripts]\n{scripts}\n"
        return self.wheel_of(name, version, contents)

    def wheel_of(self, name: str, version: str, contents: dict[str, str]) -> Path:
        """Write a wheel of exactly these files."""
        record = f"{name}-{version}.dist-info/RECORD"
        path = self.folder / f"{name}-{version}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for file, text in contents.items():
                archive.writestr(file, text)
            lines = [f"{file},," for file in (*contents, record)]
            archive.writestr(record, "\n".join(lines) + "\n")
        return path

    def hanging(self, name: str) -> "Started":
        """Write a source package whose build never ends; return how to hear that it began."""
        fifo = self.folder / f"{name}.fifo"
        os.mkfifo(fifo)
        project = (
            f'[project]\nname = "{name}"\nversion = "1.0"\n'
            '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        )
        contents = {
            "pyproject.toml": project,
            "backend.py": _HANGING_BACKEND.format(fifo=str(fifo)),
            "PKG-INFO": _METADATA.format(name=name, version="1.0"),
        }
        with tarfile.open(self.folder / f"{name}-1.0.tar.gz", "w:gz") as archive:
            for file, text in contents.items():
                member = tarfile.TarInfo(f"{name}-1.0/{file}")
                member.size = len(text.encode())
                archive.addfile(member, io.BytesIO(text.encode()))
        return Started(fifo)

    def spec(self, *requirements: str, python: str = "") -> EnvironmentSpec:
        """Return the spec that installs these from here."""
        return EnvironmentSpec(python=python, requirements=requirements, index_options=self.options)


class Started:
    """Hears of a process that writes its pid into a FIFO."""

    def __init__(self, fifo: Path) -> None:
        self._fd = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)

    async def pid(self) -> int:
        """Wait for it. Once: nobody listens afterwards."""
        try:
            with anyio.fail_after(20):
                await anyio.wait_readable(self._fd)
            return int(os.read(self._fd, 20))
        finally:
            os.close(self._fd)


async def ends(pid: int) -> None:
    """Wait until a process is gone that is not our child."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with anyio.fail_after(10):
            await anyio.wait_readable(fd)
    finally:
        os.close(fd)
