"""What a task is: code, environment, entry point. Shared by tasks, addressed by content.

A definition holds no argument, no secret and no id: two runs of one commit with other
parameters share it. The task's envelope (envelope.py) signs its digest.
"""

import hashlib
from typing import Annotated, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

MAX_BYTES: Final = 1024 * 1024
"""Largest encoded definition. Requirement lists of 500 hashed packages stay below 400 KiB."""

Digest = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Short = Annotated[str, msgspec.Meta(max_length=4096)]
Line = Annotated[str, msgspec.Meta(max_length=64 * 1024)]
"""A locked requirement names the hash of every wheel: numpy's line has 6 KB."""


class Code(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the code travels."""

    form: Literal["pack", "file"]
    """`pack`: a git pack of one parentless commit. `file`: the bytes of a single file."""
    blob: Digest
    """SHA-256 of the blob that carries it."""
    size_bytes: Annotated[int, msgspec.Meta(ge=0)]
    commit: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Synthetic commit in the pack, in hex. Empty for `file`."""
    file_name: Annotated[str, msgspec.Meta(max_length=255)] = ""
    """Name of the single file. Empty for `pack`."""
    origin_commit: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """The user's own HEAD; empty without one."""
    origin_branch: Short = ""
    origin_url: Short = ""
    """Remote as the user has it, without credentials; only told, never fetched from."""
    dirty: bool = False


class EnvironmentSpec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to install. Everything is reduced to requirement lines at submit."""

    executor: Literal["venv"] = "venv"
    python: Short = ""
    """PEP 440 specifier (`>=3.11`) or version (`3.11`); empty: any that the worker has."""
    requirements: tuple[Line, ...] = ()
    """Lines of a requirements file; with hashes where the source was a lock."""
    index_options: tuple[Short, ...] = ()
    """`--index-url`, `--extra-index-url`, `--find-links` lines of a requirements file."""
    source: Annotated[str, msgspec.Meta(max_length=255)] = "none"
    """Where the lines were found: `flags`, `script header`, `uv.lock`, `pyproject.toml`,
    `requirements.txt`, `imports`, `none`."""
    source_roots: tuple[Short, ...] = ()
    """Folders of the snapshot, relative, to put on the import path (`.`, `src`)."""


class Function(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to call, where a task is one call of a function. The arguments are in the envelope."""

    name: Annotated[str, msgspec.Meta(pattern=r"\A[^\W\d]\w{0,254}\Z")]
    """Bound at the top of the module."""
    kind: Literal["coroutine", "process"]
    """`coroutine`: on the loop of a process that runs many. `process`: in one of its own."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to start."""

    script: Short
    """Path of the script within the snapshot, with `/`."""
    workdir: Short = "."
    """Working directory within the snapshot, with `/`."""
    module: Short = ""
    """Dotted name, where the script is to run as by `python -m`; empty: as a file.

    Of a function: the module that it is in; empty: the script is imported under its stem."""
    function: Function | UnsetType = UNSET
    """To be called instead of running the script. Unset is not encoded: what has none keeps its
    digest."""


class Definition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Code, environment and entry point of a task."""

    v: Literal[1] = 1
    code: Code
    environment: EnvironmentSpec
    entry: Entry


def encode(definition: Definition) -> bytes:
    """Return the canonical msgpack of a definition: what its digest is over."""
    return msgspec.msgpack.encode(definition, order="deterministic")


def digest(encoded: bytes) -> str:
    """Return the SHA-256 of an encoded definition in hex: its address."""
    return hashlib.sha256(encoded).hexdigest()
