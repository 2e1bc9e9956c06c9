"""Writes files that only their owner may read: whole or not at all."""

import os
import tempfile
from pathlib import Path

from ..broker.keypair import make_private_folder


def write(path: Path, content: bytes) -> None:
    """Replace a file, mode 0600, and make its folder for its owner only. A link stays a link.

    Raises:
        OSError: it can't be written; what was there before is as it was.
    """
    target = path.resolve()
    make_private_folder(target.parent)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".new-")  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        Path(temporary).unlink(missing_ok=True)
