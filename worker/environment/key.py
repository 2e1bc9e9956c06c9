"""The address of an environment: a digest over everything that decides what is in it."""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from ...broker.definition import EnvironmentSpec
from .python import Interpreter

FORMAT: Final = 1
"""Raised when environments are built in another way: old ones are then built anew."""
LENGTH: Final = 32
"""Hex digits of a key."""

_SETTINGS: Final = (
    "UV_CONFIG_FILE",
    "UV_CONSTRAINT",
    "UV_DEFAULT_INDEX",
    "UV_EXCLUDE_NEWER",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_INDEX_URL",
    "UV_NO_BINARY",
    "UV_NO_INDEX",
    "UV_OVERRIDE",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
    "UV_TORCH_BACKEND",
)
"""Variables of the worker that change what uv installs. uv doesn't read pip's own."""
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]+@")


def without_credentials(text: str) -> str:
    """Return text without the user and password of the URLs in it."""
    return _CREDENTIALS.sub("", text)


def index_settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the worker's own settings that change what uv installs, files as digests."""
    found = {name: variables[name] for name in _SETTINGS if variables.get(name)}
    home = variables.get("XDG_CONFIG_HOME") or f"{variables.get('HOME', '')}/.config"
    for path in (Path(home, "uv", "uv.toml"), Path("/etc/uv/uv.toml")):
        if path.is_file():
            found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def environment_key(
    spec: EnvironmentSpec, interpreter: Interpreter, settings: Mapping[str, str]
) -> str:
    """Return the key: a changed password of an index doesn't change it, a changed index does."""
    material = {
        "format": FORMAT,
        "executor": spec.executor,
        "requirements": spec.requirements,
        "index_options": spec.index_options,
        "interpreter": interpreter,
        "settings": settings,
    }
    encoded = msgspec.json.encode(material, order="deterministic").decode()
    return hashlib.sha256(without_credentials(encoded).encode()).hexdigest()[:LENGTH]
