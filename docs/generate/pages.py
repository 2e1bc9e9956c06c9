"""Writes generated pages: only those that changed, and none that is left over."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

NOTE: Final = "<!-- made by docs/generate: change the program, not this page -->\n\n"

_CODE: Final = re.compile(r"(`+.+?`+)")


def prose(text: str) -> str:
    """Return a text of the program as Markdown: what looks like a tag outside of code is none."""
    parts = _CODE.split(" ".join(text.split()))
    return "".join(p if p.startswith("`") else p.replace("<", "&lt;") for p in parts)


def write_all(folder: Path, pages: Mapping[str, str]) -> None:
    """Make a folder hold these pages and no other ones."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.md"):
        if stale.name not in pages:
            stale.unlink()
    for name, text in pages.items():
        write(folder / name, text)


def write(path: Path, text: str) -> None:
    """Write a page, unless it says the same already: the builder looks at its time."""
    whole = NOTE + text
    if not path.is_file() or path.read_text("utf-8") != whole:
        path.write_text(whole, "utf-8")
