"""Writes files that only their owner may read, into folders that only their owner may enter."""

from pathlib import Path

from ..broker import private_files
from ..broker.keypair import make_private_folder


def write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, mode 0600, and make its folder. A link stays a link.

    Raises:
        OSError: it can't be written; what was there before is as it was.
    """
    target = path.resolve()
    make_private_folder(target.parent)
    private_files.write(target, content)
