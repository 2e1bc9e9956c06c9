"""What a call names: a function of a module, or of a file of the snapshot. Pure."""

from functools import lru_cache
from pathlib import Path

from ..run_folder import within

_FILE = "./"


def target_of(*, script: str, module: str, function: str) -> str:
    """Return what a call names.

    Args:
        script: path of the file within the snapshot, with `/`.
        module: its dotted name; empty: the file is loaded by its path.
        function: the name in it.
    """
    return f"{module}:{function}" if module else f"{_FILE}{script}:{function}"


@lru_cache(4096)
def on_disk(target: str, tree: Path) -> str:
    """Return the target with the path of a file as it is on this disk.

    Raises:
        SnapshotError: the file would lie outside the snapshot.
    """
    if not target.startswith(_FILE):
        return target
    script, _, function = target.removeprefix(_FILE).rpartition(":")
    return f"{within(tree, script)}:{function}"
