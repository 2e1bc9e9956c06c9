"""What the archive keeps of one task, and what it is found by. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from ..decoding import text

StoredEntry = tuple[bytes, dict[bytes, bytes]]
"""An entry of a stream: its id and its fields."""

_MOST_NAME = 255
_MOST_LABELS = 100


class TaskCopy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One task as Redis held it at its end. Nothing in it was checked: readers expect anything."""

    id: str
    task: dict[bytes, bytes]
    """Fields of `t:<id>`."""
    extra: dict[bytes, bytes] = {}
    """Fields of `x:<id>`."""
    history: list[bytes] = []
    """Lines of `h:<id>`."""
    need: bytes = b""
    """What its shape stands for, as JSON."""
    envelope: bytes = b""
    """Signed arguments."""
    result: bytes = b""
    logs: dict[int, list[StoredEntry]] = {}
    """By fence: the entries of each attempt's log that was still there."""
    scalars: list[StoredEntry] = []
    cut: list[str] = []
    """Names of what was larger than its limit, or no such value, and is not here as it was."""


class Meta(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What one task is found by, and where in its segment it lies."""

    id: str
    finished_ms: int
    name: str
    user: str
    queue: str
    state: str
    definition: str
    labels: list[str]
    """`key=value`."""
    block: int
    place: int
    """From 0, within the block."""
    edits: int = 0
    """How often its labels were changed after its end. Of two copies, more is newer."""


def meta_of(copy: TaskCopy, block: int, place: int) -> Meta:
    """Return what a task is found by, whatever its record holds."""
    fields, extra = copy.task, copy.extra
    return Meta(
        id=copy.id,
        finished_ms=finished_ms(fields),
        name=_short(extra.get(b"name") or fields.get(b"name", b"")),
        user=_short(fields.get(b"user", b"")),
        queue=_short(fields.get(b"queue", b"")),
        state=_short(fields.get(b"state", b"")),
        definition=_short(fields.get(b"definition", b"")),
        labels=labels_of(extra),
        block=block,
        place=place,
        edits=_number(fields.get(b"edits", b"")),
    )


def filled(copy: TaskCopy, older: TaskCopy) -> TaskCopy:
    """Return a copy with what had left Redis when it was written, of an older one of this end.

    Labels may be changed for as long as a task is in Redis; its logs and result may go sooner.
    """
    return msgspec.structs.replace(
        copy, logs={**older.logs, **copy.logs}, result=copy.result or older.result
    )


def finished_ms(fields: Mapping[bytes, bytes]) -> int:
    """Return when a task ended; 0 if its record does not say."""
    return _number(fields.get(b"finished_ms", b""))


def labels_of(extra: Mapping[bytes, bytes]) -> list[str]:
    """Return the labels of a record as `key=value`; none where they can't be read."""
    try:
        labels = msgspec.json.decode(extra.get(b"labels") or b"{}", type=dict[str, str])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    return [f"{key}={value}" for key, value in labels.items()][:_MOST_LABELS]


def pairs(values: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return names and values that follow each other as a mapping."""
    return dict(zip(values[0::2], values[1::2], strict=True))


def _number(value: bytes) -> int:
    return int(value) if value.isdigit() and len(value) <= 15 else 0


def _short(value: bytes) -> str:
    return text(value[: 4 * _MOST_NAME])[:_MOST_NAME]
