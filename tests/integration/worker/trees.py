"""What a folder holds, to compare before and after."""

import hashlib
import os
from pathlib import Path


def contents(folder: Path) -> dict[str, str]:
    """Return the mode and the SHA-256 (of a link: its target) of every file, by relative path."""
    return {
        str(path.relative_to(folder)): f"{path.lstat().st_mode:o} {_digest(path)}"
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }


def _digest(path: Path) -> str:
    content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    return hashlib.sha256(content).hexdigest()
