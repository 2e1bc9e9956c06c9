"""`python -m rq_agent.cli.schemas docs/schemas`: write the schema of every kind."""

import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from .forms import schema
from .kinds import KINDS


def files() -> Mapping[str, bytes]:
    """Return the content of each file by its name."""
    return {
        f"{name}.json": msgspec.json.format(
            msgspec.json.encode(schema(name, kind), order="sorted"), indent=2
        )
        + b"\n"
        for name, kind in KINDS.items()
    }


def main(folder: Path) -> None:
    """Write the files; remove those of kinds that are no more."""
    made = files()
    for path in folder.glob("*.json"):
        if path.name not in made:
            path.unlink()
    for name, content in made.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
