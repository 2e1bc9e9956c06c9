"""Near names for parameters: what a script really used tells which ones it has."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..broker.record import Record


def hints(
    records: "Iterable[Record]", set_names: Iterable[str], unset_names: Iterable[str]
) -> list[str]:
    """Return a line for each name that is likely a slip. Pure.

    Args:
        records: of the tasks that parameters are set or not set any more of.
        set_names: must be used by the script. A task that never ran is not known to use any.
        unset_names: must be among those that were asked for.
    """
    lines = []
    for record in records:
        used = {*record.used, *record.params}
        if record.used:
            lines += [
                f"{record.name} used no parameter {name} in task {record.id}{_near(name, used)}"
                for name in set_names
                if name not in used
            ]
        lines += [
            f"task {record.id} overrides no parameter {name}{_near(name, record.params)}"
            for name in unset_names
            if name not in record.params
        ]
    return lines


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, sorted(known), n=2)
    return f"; did you mean {' or '.join(near)}?" if near else ""
