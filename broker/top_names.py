"""What a Python file binds at its top, read from its text: nothing is executed. Pure but for reading."""

import ast
import sys
import warnings
from collections.abc import Iterator
from importlib.util import decode_source
from pathlib import Path
from typing import Final

from .errors import UsageError

MAX_BYTES: Final = 4 * 1024 * 1024
"""A larger file is data, whatever it is called."""

_VERSION: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
Definition = ast.FunctionDef | ast.AsyncFunctionDef
Binding = Definition | ast.Lambda | ast.ClassDef | ast.ImportFrom | ast.Import | ast.stmt
"""A function; a class; an import; or the statement that binds a name otherwise."""

_BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")


def top_names(file: Path, *, named: str) -> dict[str, Binding]:
    """Return what each name is bound to at the top of a file, the last binding of each.

    Args:
        file: to read.
        named: as the person wrote it, for errors.

    Raises:
        UsageError: it can't be read, or is no Python.
    """
    statements = _statements(_tree(file, named).body)
    return {name: binding for each in statements for name, binding in _bound_by(each)}


def _tree(file: Path, named: str) -> ast.Module:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise UsageError(f"{named}: larger than {MAX_BYTES // 1024**2} MiB, so not a script")
        content = file.read_bytes()
    except OSError as e:
        raise UsageError(f"{named}: can't be read: {e.strerror}") from e
    if b"\0" in content:
        raise UsageError(f"{named}: holds NUL bytes, so it is no Python")
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(decode_source(content))
            compile(tree, named, "exec", dont_inherit=True)  # finds what an import would
            return tree
    except SyntaxError as e:
        where = f" line {e.lineno}" if e.lineno else ""
        raise UsageError(f"{named}{where}: {e.msg} (read as Python {_VERSION})") from e
    except (ValueError, RecursionError, MemoryError) as e:
        raise UsageError(f"{named}: can't be parsed: {e or 'nested too deep'}") from e


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module in their order, also those within `if`, `try` and the like."""
    waiting: list[ast.AST] = list(reversed(body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        if isinstance(node, Definition | ast.ClassDef) or _is_for_programs(node):
            continue
        inner = [child for block in _BLOCKS for child in getattr(node, block, ())]
        waiting += reversed(inner)


def _is_for_programs(node: ast.AST) -> bool:
    """Return whether a statement is skipped in a file that is imported: if __name__ == ..."""
    return (
        isinstance(node, ast.If)
        and isinstance(node.test, ast.Compare)
        and isinstance(node.test.left, ast.Name)
        and node.test.left.id == "__name__"
    )


def _bound_by(statement: ast.stmt) -> Iterator[tuple[str, Binding]]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name, statement
        case ast.Import() | ast.ImportFrom():
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0], statement
        case ast.Assign(targets=[ast.Name(id=name)], value=value):
            yield name, value if isinstance(value, ast.Lambda) else statement
        case ast.Assign(targets=targets):
            for target in targets:
                yield from ((name, statement) for name in _names(target))
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.Lambda() as value):
            yield name, value
        case ast.AnnAssign(target=target, value=value) if value is not None:
            yield from ((name, statement) for name in _names(target))


def _names(target: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
