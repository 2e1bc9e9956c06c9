"""What a person does without us: the same interpreter in a virtual environment of uv's."""

import os
import subprocess
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec
import uv

_TIMEOUT_S: Final = 120.0


class Venv(msgspec.Struct, frozen=True):
    """A virtual environment that uv made."""

    folder: Path

    @property
    def python(self) -> str:
        """Return its interpreter."""
        return str(self.folder / "bin" / "python")


@lru_cache(1)
def uv_program() -> str:
    """Return the uv that we depend on."""
    return uv.find_uv_bin()


def interpreter() -> str:
    """Return the Python below the virtual environment that we run in."""
    base: str = getattr(sys, "_base_executable", sys.executable)
    return base


def venv(folder: Path, variables: Mapping[str, str] = os.environ) -> Venv:
    """Make a virtual environment of the interpreter that tasks get too: the worker's own."""
    argv = [uv_program(), "venv", "--quiet", "--no-project", "--python", interpreter()]
    subprocess.run([*argv, str(folder)], env=variables, check=True, timeout=_TIMEOUT_S)
    return Venv(folder)
