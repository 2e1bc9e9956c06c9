"""What the thin environments of many tasks have in common: made once, linked by each.

<overlays>/<digest>/<name>   files and links with final content, read-only
<overlays>/<digest>/+<name>  for each file: a link to it

Tasks get hard links to links. A new inode takes ext4 ten times as long as another name for one,
and whoever writes to such a file as root still meets the read-only folder behind it.
"""

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from . import tree

_KEY_LENGTH: Final = 16
_EXECUTABLE: Final = b"#!"
"""Files that start so are made executable."""


class Shared:
    """A set of names: each stands for a file of that content, or for a link to that path."""

    def __init__(self, parent: Path, files: Mapping[str, bytes], links: Mapping[str, str]) -> None:
        """Nothing is read or written yet; `parent` need not exist."""
        self._files = files
        self._links = links
        self._folder = parent / _digest(files, links)
        self._known = {name: f"{self._folder}/+{name}" for name in files}
        self._known |= {name: f"{self._folder}/{name}" for name in links}

    def link(self, name: str, place: str) -> None:
        """Put one of them into a new place."""
        known = self._known[name]
        try:
            os.link(known, place, follow_symlinks=False)
        except FileNotFoundError:
            if self._folder.is_dir():
                raise
            self._make()
            self.link(name, place)
        except FileExistsError:
            raise
        except OSError:  # another file system, or one without such links
            os.symlink(os.readlink(known), place)

    def _make(self) -> None:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder.parent))
        try:
            for name, content in self._files.items():
                (fresh / name).write_bytes(content)
                (fresh / name).chmod(0o555 if content.startswith(_EXECUTABLE) else 0o444)
                (fresh / f"+{name}").symlink_to(self._folder / name)
            for name, target in self._links.items():
                (fresh / name).symlink_to(target)
            fresh.chmod(0o555)
            self._put(fresh)
        finally:
            tree.remove(fresh)

    def _put(self, fresh: Path) -> None:
        try:
            fresh.rename(self._folder)
        except OSError:
            if not self._folder.is_dir():  # else another worker was faster
                raise


def _digest(files: Mapping[str, bytes], links: Mapping[str, str]) -> str:
    whole = hashlib.sha256()
    for name, content in files.items():
        whole.update(f"{name}\0{len(content)}\0".encode() + content)
    for name, target in links.items():
        whole.update(f"{name}\0{target}\0".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()[:_KEY_LENGTH]
