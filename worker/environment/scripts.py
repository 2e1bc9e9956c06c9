"""Console scripts of a shared environment run with the interpreter of the task that calls them.

`torchrun` or `pytest` must see the task's own source roots and what it installed at run time.
Outside of a task they use the environment's own interpreter.
"""

from pathlib import Path
from typing import Final

VARIABLE: Final = "RQ_AGENT_PYTHON"
_AS_WRITTEN: Final = (
    b"""#!/bin/sh\n'''exec' "$(dirname -- "$(realpath -- "$0")")"/'python' "$0" "$@"\n"""
)
_AS_NEEDED: Final = (
    b"""#!/bin/sh\n'''exec' "${RQ_AGENT_PYTHON:-$(dirname -- "$(realpath -- "$0")")/python}" """
    b""""$0" "$@"\n"""
)


def prefer_overlay(folder: Path) -> None:
    """Rewrite the first lines of the console scripts in a folder."""
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_file():
            continue
        text = path.read_bytes()
        if text.startswith(_AS_WRITTEN):
            mode = path.stat().st_mode
            path.unlink()  # it may share its content with uv's cache
            path.write_bytes(_AS_NEEDED + text.removeprefix(_AS_WRITTEN))
            path.chmod(mode & 0o777)
