"""On what kind of file system a folder lies: a server's files must not be shared by machines."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from ..errors import BrokerRefused

_SHARED: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "afpfs", "afs", "ceph", "lustre", "gpfs"}
    | {"beegfs", "glusterfs", "gfs2", "ocfs2", "orangefs", "panfs", "coda", "ncpfs", "webdav"}
    | {"acfs", "davfs"}
)
_SHARED_FUSE: Final = re.compile(
    r"fuse\.(sshfs|glusterfs|ceph|ceph-fuse|s3fs|gcsfuse|rclone|davfs2?|goofys|juicefs|mount-s3"
    r"|afp|smb\S*|nfs\S*|gvfsd-fuse)"
)


class Mount(msgspec.Struct, frozen=True):
    """One mounted file system."""

    point: str
    kind: str


def check_local(folder: Path) -> None:
    """Refuse a folder that other machines may see too.

    Raises:
        BrokerRefused: it lies on a network file system.
    """
    kind = kind_here(folder)
    if is_shared(kind):
        raise BrokerRefused(
            f"the embedded server can't keep its files in {folder}: that is a network file system "
            f"({kind}); set RQ_AGENT_HOME to a folder on a local disk, or RQ_AGENT_REDIS_URL"
        )


def kind_here(folder: Path) -> str:
    """Return the kind of file system that a folder of this machine lies on, empty if unknown."""
    return kind_of(folder.resolve(), _mounts())


def is_shared(kind: str) -> bool:
    """Return whether several machines may write to a file system of this kind. Pure."""
    return kind in _SHARED or _SHARED_FUSE.fullmatch(kind) is not None


def kind_of(folder: Path, mounts: Sequence[Mount]) -> str:
    """Return the kind of file system of a resolved folder, empty if unknown. Pure."""
    best = Mount("", "")
    for mount in mounts:  # of two at one place the later one covers the other
        if folder.is_relative_to(mount.point) and len(mount.point) >= len(best.point):
            best = mount
    return best.kind


def parse_mountinfo(text: str) -> list[Mount]:
    """Return the mounts of /proc/self/mountinfo, in its order. Pure."""
    mounts = []
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        fields = before.split(" ")
        if separator and len(fields) > 4:
            mounts.append(Mount(_unescaped(fields[4]), after.split(" ")[0]))
    return mounts


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _mounts() -> list[Mount]:
    if sys.platform == "linux":
        text = Path("/proc/self/mountinfo").read_text("utf-8", errors="surrogateescape")
        return parse_mountinfo(text)
    import psutil

    return [Mount(each.mountpoint, each.fstype) for each in psutil.disk_partitions(all=True)]
