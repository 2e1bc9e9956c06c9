"""The pip that came with an interpreter, unpacked once: a zip on the path slows every start.

<cache>/pip/<name of the wheel>-<digest>/  read-only but for the bytecode

Compiling all of it would delay the first task of a machine by seconds, so whoever runs pip leaves
the bytecode of what it needed.
"""

import hashlib
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from ...broker.errors import BuildError
from . import tree

_KEY_LENGTH: Final = 16


def unpacked(cache: Path, wheel: str) -> Path | None:
    """Return a folder for the end of sys.path that holds only pip; None without a wheel.

    Raises:
        BuildError: the wheel is damaged.
    """
    if not wheel:
        return None
    name = Path(wheel).name.split("-py", 1)[0]
    digest = hashlib.sha256(Path(wheel).read_bytes()).hexdigest()[:_KEY_LENGTH]
    target = cache / "pip" / f"{name}-{digest}"
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        _unpack(wheel, target)
    return target


def _unpack(wheel: str, target: Path) -> None:
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=target.parent))
    try:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(fresh)
        bytecode = {module.parent / "__pycache__" for module in fresh.rglob("*.py")}
        for folder in bytecode:
            folder.mkdir()
        tree.seal(fresh)
        fresh.chmod(0o555)
        for folder in bytecode:
            folder.chmod(0o755)
        fresh.rename(target)
    except zipfile.BadZipFile as e:
        raise BuildError(f"{wheel} is damaged, so tasks get no pip: {e}") from e
    except OSError:
        if not target.is_dir():  # else another worker was faster
            raise
    finally:
        tree.remove(fresh)
