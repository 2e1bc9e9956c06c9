"""Where in an archive a namespace keeps what. Pure."""

from typing import Final

_SEGMENTS: Final = "segments"
_OBJECTS: Final = "objects"


def segments(namespace: str) -> str:
    """Return the folder of a namespace's segments, one folder below for each day."""
    return f"{namespace}/{_SEGMENTS}"


def content(namespace: str, digest: str) -> str:
    """Return the path of a definition or blob."""
    return f"{namespace}/{_OBJECTS}/{digest[:2]}/{digest}"
