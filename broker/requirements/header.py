"""The inline metadata of a script (PEP 723)."""

import re
from pathlib import Path
from typing import Any, Final

from ..errors import UsageError
from . import tables
from .lines import requirement, specifier
from .uv_table import with_sources
from .wanted import Place, Wanted

_BLOCK: Final = re.compile(
    r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$"
)
"""The reference expression of the PEP."""
_OPENING: Final = re.compile(r"(?m)^# /// script$")


def is_present(place: Place) -> bool:
    """Tell whether the script opens a block, well-formed or not."""
    return _OPENING.search(_text(place.script)) is not None


def read(place: Place) -> Wanted:
    """Return what the header of the script states."""
    text = _text(place.script)
    blocks = [found for found in _BLOCK.finditer(text) if found["type"] == "script"]
    opened = [text.count("\n", 0, found.start()) + 1 for found in _OPENING.finditer(text)]
    if not blocks:
        raise UsageError(
            f"{place.script}:{opened[0]}: the block `# /// script` has no end; every line of it "
            "starts with `#`, and the last is `# ///`"
        )
    if len(blocks) > 1:
        raise UsageError(f"{place.script}:{opened[1]}: a second block `# /// script`")
    content = "".join(
        line[2:] if line.startswith("# ") else line[1:]
        for line in blocks[0]["content"].splitlines(keepends=True)
    )
    header = tables.parse(content, str(place.script), line=opened[0] + 1, column=2)
    return _wanted(header, place.script, content.splitlines(), opened[0] + 1)


def _wanted(header: dict[str, Any], script: Path, lines: list[str], first: int) -> Wanted:
    needed = tables.strings(header.get("dependencies", []), f"{script}:{first}: dependencies")
    for text in needed:
        offset = next((n for n, line in enumerate(lines) if text in line), 0)
        requirement(text, f"{script}:{first + offset}")
    found = with_sources(needed, header, str(script))
    return Wanted(
        requirements=found.requirements,
        index_options=found.index_options,
        python=specifier(header.get("requires-python", ""), str(script)),
    )


def _text(script: Path) -> str:
    try:
        return script.read_text("utf-8", errors="replace")
    except OSError as e:
        raise UsageError(f"can't read {script}: {e.strerror}") from e
