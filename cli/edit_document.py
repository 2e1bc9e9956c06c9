"""The document that `edit` opens: tasks as TOML, and what a person made of it. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

import msgspec

from ..broker.errors import UsageError
from ..broker.names import check_queue
from ..broker.new_task import check_labels, check_name
from . import toml_file, values
from .sheets import Sheet

HEAD: Final = """\
Change tasks that have not begun; save and leave the editor to apply it.
You may change name, queue, priority (low, normal, high, or -128 to 127, larger is sooner),
timeout and grace (90s, 30m, 6h; 0: none), gpus, cpus and mem (500M, 32G; 0: no claim), arguments,
and what stands below params, env and labels: change, add or remove lines there.
Never change an id. A task whose lines you remove stays as it is; remove all to change nothing."""

CLONES_HEAD: Final = """\
Change what is to be run once more; save and leave the editor to go on, empty the file to stop.
You may change name, queue, priority (low, normal, high, or -128 to 127, larger is sooner),
timeout and grace (90s, 30m, 6h; 0: none), gpus, cpus and mem (500M, 32G; 0: no claim), arguments,
and what stands below params, env and labels: change, add or remove lines there.
A task whose lines you remove is not run."""

_FIELDS: Final = (
    *("id", "name", "queue", "priority", "timeout", "grace", "gpus", "cpus", "mem", "arguments"),
    *("params", "env", "labels"),
)
_OF_SIGNATURE: Final = ("timeout", "grace", "gpus", "cpus", "mem", "arguments", "params", "env")
_TASK: Final = re.compile(r"\s*\[\[\s*task\s*\]\]")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One task of a document."""

    id: str
    sheet: Sheet
    note: str
    """Said behind its id."""
    problem: str = ""
    """Why what was signed of it can't be changed; empty: it can."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    task: list[dict[str, Any]] = []


def write(pages: Sequence[Page], *, head: str = HEAD) -> str:
    """Return the document of some tasks."""
    import tomlkit

    document = tomlkit.document()
    for line in head.splitlines():
        document.add(tomlkit.comment(line))
    tasks = tomlkit.aot()
    for page in pages:
        tasks.append(_table(page))
    document.append("task", tasks)
    return tomlkit.dumps(document)


def read(text: str, pages: Sequence[Page], where: str) -> dict[str, Sheet]:
    """Return what each task of a document is to be, by its id.

    Args:
        text: of the document.
        pages: as it was written.
        where: the name of its file, for errors.

    Raises:
        UsageError: it can't be understood; says where, and what is allowed there.
    """
    import tomllib

    toml_file.parse(text, _Document, where)
    tasks: list[dict[str, Any]] = tomllib.loads(text, parse_float=str).get("task", [])
    known = {page.id: page for page in pages}
    found: dict[str, Sheet] = {}
    for n, table in enumerate(tasks):
        try:
            task_id = _id_of(table, known)
            if task_id in found:
                raise _Wrong("id", f"task {task_id} stands here twice")
            found[task_id] = _sheet(table, known[task_id])
        except _Wrong as e:
            raise UsageError(f"{where}, {_place(text, n, e.key)}: {e.problem}") from e
    return found


class _Wrong(Exception):
    """Something at one key of one task; empty: at its head."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key = key
        self.problem = problem


def _table(page: Page) -> Any:
    import tomlkit

    sheet, table = page.sheet, tomlkit.table()
    table.add("id", tomlkit.item(page.id).comment(page.note))
    table.add("name", sheet.name)
    table.add("queue", sheet.queue)
    table.add("priority", sheet.priority)
    if page.problem:
        table.add(tomlkit.comment(f"the rest can't be changed by you: {page.problem}"))
    else:
        table.add("timeout", duration_text(sheet.timeout_s))
        table.add("grace", duration_text(sheet.grace_s))
        table.add("gpus", sheet.gpus)
        table.add("cpus", int(sheet.cpus) if sheet.cpus == int(sheet.cpus) else sheet.cpus)
        table.add("mem", _size_text(sheet.mem_mib))
        table.add("arguments", list(sheet.arguments))
        table.add("params", _values(sheet.params))
        table.add("env", _values(sheet.env))
    table.add("labels", _values(sheet.labels))
    return table


def _values(pairs: Mapping[str, str]) -> Any:
    import tomlkit

    table = tomlkit.table()
    for name, value in pairs.items():
        table.add(name, value)
    return table


def duration_text(seconds: float) -> str:
    """Return a time that `values.duration_s` reads as exactly this, e.g. `1h30m`; `0` for none."""
    if seconds != int(seconds):
        return f"{seconds:f}".rstrip("0") + "s"
    rest, parts = int(seconds), ""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, rest = divmod(rest, size)
        parts += f"{count}{unit}" if count else ""
    return parts or "0"


def _size_text(mib: int) -> str:
    if not mib:
        return "0"
    return f"{mib // 1024}G" if mib % 1024 == 0 else f"{mib}M"


def _id_of(table: Mapping[str, Any], known: Iterable[str]) -> str:
    task_id = table.get("id")
    if task_id is None:
        raise _Wrong("", "this task has lost its id; put its line back, or remove the task")
    if task_id not in known:
        raise _Wrong("id", f"{task_id!r} is no task of this document; ids can't be changed")
    return str(task_id)


def _sheet(table: Mapping[str, Any], page: Page) -> Sheet:
    allowed = [name for name in _FIELDS if not (page.problem and name in _OF_SIGNATURE)]
    for name in table:
        if name not in allowed:
            raise _Wrong(name, _unknown(name, allowed, page))
    given = {name: _read(name, value) for name, value in table.items() if name != "id"}
    # A line that is gone: what was a value stays, what was a list of lines is empty.
    emptied: dict[str, Any] = {name: {} for name in ("params", "env", "labels")}
    if page.problem:
        emptied = {"labels": {}}
    return msgspec.structs.replace(page.sheet, **{**emptied, **dict(given.values())})


def _unknown(name: str, allowed: Sequence[str], page: Page) -> str:
    if name in _OF_SIGNATURE:
        return f"{name} can't be changed by you: {page.problem}"
    near = get_close_matches(name, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f"{name} can't be changed here; {hint}allowed: {', '.join(allowed[1:])}"


def _read(name: str, value: Any) -> tuple[str, Any]:
    """Return the field of a sheet that a key stands for, and its value."""
    try:
        match name:
            case "name" | "queue":
                return name, _name(name, value)
            case "priority":
                return name, values.priority(_plain(name, value))
            case "timeout" | "grace":
                return f"{name}_s", values.duration_s(_plain(name, value), name)
            case "gpus":
                return name, values.whole(_plain(name, value), name, least=0, most=1024)
            case "cpus":
                text = _plain(name, value)
                is_none = text in ("0", "0.0")
                return name, 0.0 if is_none else values.number(text, name, most=65_536)
            case "mem":
                text = _plain(name, value)
                return "mem_mib", 0 if text in ("", "0") else values.size_mib(text, name)
            case "arguments":
                return name, tuple(_plain("an argument", each) for each in _list(value))
        pairs = _pairs(name, _mapping(name, value))
        if name == "env":
            values.variables([f"{key}={each}" for key, each in pairs.items()], {})
        elif name == "labels":
            check_labels(pairs)
    except UsageError as e:
        raise _Wrong(name, str(e)) from e
    return name, pairs


def _name(what: str, value: Any) -> str:
    name = _plain(what, value)
    if not name:
        raise UsageError(f"{what} is empty")
    if what == "queue":
        check_queue(name)
    else:
        check_name(name)
    return name


def _plain(what: str, value: Any) -> str:
    """Return a value as text: numbers as they were written, true and false as scripts expect."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int)):
        return str(value)
    raise UsageError(f"{what}: write a text or a number")


def _pairs(name: str, table: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for key, value in table.items():
        try:
            found[key] = _plain(f"{name}.{key}", value)
        except UsageError as e:
            raise _Wrong(key, str(e)) from e
    return found


def _list(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    raise UsageError('arguments: write a list: ["--data", "/data"]')


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    raise UsageError(f"{name}: write lines of name = value below [task.{name}]")


def _place(text: str, n: int, key: str) -> toml_file.Place:
    """Return where the n-th task sets a key, or where it begins."""
    lines = text.splitlines()
    heads = [number for number, line in enumerate(lines, start=1) if _TASK.match(line)]
    if n >= len(heads):  # written in another way than ours
        return toml_file.place_of(text, "task", key or "id")
    end = heads[n + 1] - 1 if n + 1 < len(heads) else len(lines)
    at_key = re.compile(rf"\s*(?:\[\s*task\s*\.\s*)?['\"]?({re.escape(key)})['\"]?\s*[=.\]]")
    for number in range(heads[n] + 1, end + 1):
        if key and (found := at_key.match(lines[number - 1])):
            return toml_file.Place(number, 1 + found.start(1))
    return toml_file.Place(heads[n], 1)
