"""What the folder of one attempt holds besides its output."""

import shutil
from pathlib import Path
from typing import Final

_LARGE: Final = ("tree", "venv", "environment")


def remove_what_is_large(folder: Path) -> None:
    """Remove what was only needed to run: code, environment."""
    for name in _LARGE:
        shutil.rmtree(folder / name, ignore_errors=True)
