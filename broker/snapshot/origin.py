"""Where the user's code comes from: told to people, never fetched from."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import msgspec

from .git import Git

_GITLINK: Final = b"160000"


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """HEAD of the user's repository."""

    commit: str = ""
    """Empty before the first commit."""
    branch: str = ""
    """Empty when HEAD is detached."""
    url: str = ""
    dirty: bool = False
    """What travels is not, byte for byte, what HEAD holds."""


def describe(theirs: Git, snapshot_tree: bytes, *, left_out: Iterable[str]) -> Origin:
    """Compare the listing of the snapshot's tree with HEAD.

    Args:
        snapshot_tree: `git ls-tree -r -z` of the snapshot.
        left_out: tracked paths that .rqagentignore names: their absence is no change.
    """
    status, head, _ = theirs.ask("rev-parse", "--verify", "--quiet", "HEAD")
    _, branch, _ = theirs.ask("symbolic-ref", "--short", "--quiet", "HEAD")
    return Origin(
        commit=head.decode("ascii").strip() if status == 0 else "",
        branch=_text(branch),
        url=_url(theirs, _text(branch)),
        dirty=status != 0 or _differs(theirs, snapshot_tree, set(left_out)),
    )


def without_credentials(url: str) -> str:
    """Return a URL without user and password, query and fragment; `git@host:path` stays."""
    if "://" not in url:
        return url if re.match(r"[^/]*:[^/]*@", url) is None else url.rpartition("@")[2]
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""  # git takes it, so be it; but what is secret in it can't be told
    # `ssh://git@host` needs its user and holds no secret; a token in https is one.
    keeps_user = parts.scheme in ("ssh", "git+ssh") and parts.password is None
    host = parts.netloc if keeps_user else parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def _url(theirs: Git, branch: str) -> str:
    _, remote, _ = theirs.ask("config", "--get", f"branch.{branch}.remote")
    for name in (_text(remote), "origin"):
        status, url, _ = theirs.ask("config", "--get", f"remote.{name}.url")
        if name and status == 0:
            return without_credentials(_text(url))[:4096]
    return ""


def _differs(theirs: Git, snapshot_tree: bytes, left_out: set[str]) -> bool:
    ours = set(snapshot_tree.split(b"\0"))
    head = set(theirs.run("ls-tree", "-r", "-z", "HEAD").split(b"\0"))
    if ours - head:
        return True
    missing = (entry for entry in head - ours if not entry.startswith(_GITLINK))
    return any(_text(entry.partition(b"\t")[2]) not in left_out for entry in missing)


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").strip()
