"""A private, writable copy of a shared environment, for tasks that ask for one."""

import shutil
import sys
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec

from ...broker.errors import BuildError
from . import tree
from .cache import Environment
from .place import OVERLAYS


async def private_copy(env: Environment, folder: Path) -> Environment:
    """Copy an environment to a folder that does not exist yet; return the copy, writable.

    Files are never hard links to the shared ones: a write would go through. Where the file
    system can share blocks until one side writes (reflinks), it does.

    Raises:
        BuildError: it can't be copied, for example since the disk is full.
    """
    if sys.platform == "linux":
        command = ["cp", "--reflink=auto", "-a", "--", str(env.path), str(folder)]
        copied = await anyio.run_process(command, check=False)
        if copied.returncode != 0:
            words = copied.stderr.decode("utf-8", "replace")
            raise BuildError(f"environment {env.key} can't be copied to {folder}", words)
    else:
        await anyio.to_thread.run_sync(_copy, env.path, folder)
    await anyio.to_thread.run_sync(tree.unseal, folder)
    # Beside the shared ones it would stay when the copy is gone.
    return msgspec.structs.replace(env, path=folder, overlays=folder / OVERLAYS)


def _copy(source: Path, folder: Path) -> None:
    shutil.copytree(source, folder, symlinks=True)
