"""Changes config.toml: comments, order and keys that are not ours to change stay as they are."""

from pathlib import Path

from ..broker.errors import UsageError
from . import private_file


def with_values(text: str, values: dict[tuple[str, str], str]) -> str:
    """Return the text of a TOML file in which keys of tables have these values. Pure."""
    import tomlkit
    from tomlkit.items import Table

    document = tomlkit.parse(text)
    for (table, key), value in values.items():
        found = document.get(table)
        if found is None:
            found = tomlkit.table()
            if document.body:
                document.add(tomlkit.nl())
            document.add(table, found)
        assert isinstance(found, (Table, dict))
        found[key] = value
    return tomlkit.dumps(document)


def read_text(path: Path) -> str:
    """Return the text of the file; nothing when there is none."""
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        return ""


def write(path: Path, text: str) -> None:
    """Write the file as a whole, for its owner only.

    Raises:
        UsageError: it can't be written; what was there before is as it was.
    """
    try:
        private_file.write(path, text.encode())
    except OSError as e:
        raise UsageError(f"can't write {path}: {e.strerror or e}") from e
