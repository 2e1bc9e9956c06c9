"""Where environments lie below a cache folder, and what is written about each of them.

<cache>/environments/<key>/                  one environment, read-only
<cache>/environments/<key>/environment.json  the marker: without it, nothing is there
<cache>/environments/.<key>.<random>/        being built
<cache>/environments/.trash.<key>.<random>/  being removed
<cache>/environments/.locks/<key>.build      see locks.py
<cache>/environments/.locks/<key>.use
<cache>/environments/.used/<key>             its modification time: last used
<cache>/environments/.overlays/<key>/        what the tasks' own environments link to, see links.py
<cache>/uv/                                  uv's own cache
"""

import os
import secrets
from pathlib import Path
from typing import Final

import msgspec

MARKER: Final = "environment.json"
TRASH: Final = ".trash."
OVERLAYS: Final = ".overlays"


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What environment.json holds. URLs are written without credentials."""

    key: str
    executor: str
    requirements: tuple[str, ...]
    index_options: tuple[str, ...]
    source: str
    python: str
    """The interpreter's version."""
    executable: str
    built_at: float
    """Unix seconds."""
    seconds: float
    """How long building took."""
    size_bytes: int


class Places(msgspec.Struct, frozen=True):
    """The paths of one cache folder."""

    cache: Path

    @property
    def uv(self) -> Path:
        """The folder of uv's own cache."""
        return self.cache / "uv"

    @property
    def root(self) -> Path:
        """The folder of all environments."""
        return self.cache / "environments"

    def environment(self, key: str) -> Path:
        """Return the folder of one environment."""
        return self.root / key

    def building(self, key: str) -> Path:
        """Return a new name for a folder to build in."""
        return self.root / f".{key}.{secrets.token_hex(4)}"

    def trash(self, key: str) -> Path:
        """Return a new name for what is to be removed."""
        return self.root / f"{TRASH}{key}.{secrets.token_hex(4)}"

    def overlays(self, key: str) -> Path:
        """Return the folder of what thin environments on top of one link to."""
        return self.root / OVERLAYS / key

    def build_lock(self, key: str) -> Path:
        """Return the lock of who builds."""
        return self.root / ".locks" / f"{key}.build"

    def use_lock(self, key: str) -> Path:
        """Return the lock of who uses."""
        return self.root / ".locks" / f"{key}.use"

    def is_built(self, key: str) -> bool:
        """Return whether a whole environment is there."""
        return (self.root / key / MARKER).is_file()

    def touch(self, key: str) -> None:
        """Note that an environment is used now."""
        path = self.root / ".used" / key
        try:
            os.utime(path)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()

    def last_used_ns(self, key: str) -> int:
        """Return when an environment was last used, in Unix ns; 0 if never."""
        try:
            return (self.root / ".used" / key).stat().st_mtime_ns
        except FileNotFoundError:
            return 0


def write_marker(folder: Path, marker: Marker) -> None:
    """Write the marker so that it is on the disk when this returns."""
    encoded = msgspec.json.format(msgspec.json.encode(marker), indent=2)
    with open(folder / MARKER, "xb") as file:
        file.write(encoded + b"\n")
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o444)


def read_marker(folder: Path) -> Marker:
    """Return what is written about an environment."""
    return msgspec.json.decode((folder / MARKER).read_bytes(), type=Marker)
