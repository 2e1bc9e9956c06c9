"""Which tests are most likely to notice a change of a Lua file."""

from pathlib import Path
from typing import Final

from rq_agent.broker import scripts

TESTS: Final = Path(__file__).parents[1]
LUA: Final = Path(scripts.__file__).parent / "lua"

_BESIDE: Final = {
    "adding": ("enqueue", "uniqueness", "dependencies", "parking", "statistics"),
    "adoption": ("beat", "finish", "concurrency"),
    "ageing": ("age_queue",),
    "beat": (
        *("beat", "parking", "concurrency", "statistics", "presence"),
        *("strange_members", "room_for_others"),
    ),
    "cancel": ("cancel", "dependencies", "room_for_others"),
    "claim": ("claim", "parking", "statistics", "concurrency", "orders_of_queues"),
    "closing": ("drain", "stop", "pause_worker", "rest", "parking", "presence"),
    "collect": ("archived", "purge"),
    "commands": ("beat", "drain", "pause_worker", "claim"),
    "counts": ("statistics",),
    "definitions": ("enqueue", "blobs"),
    "endings": (
        "finish",
        "tick",
        "cancel",
        "dependencies",
        "uniqueness",
        "concurrency",
        "statistics",
    ),
    "enqueue_draft": ("enqueue_draft_trouble", "statistics"),
    "families": ("dependencies",),
    "finish": (
        *("parking", "statistics", "results", "concurrency", "dependencies"),
        *("room_for_others", "cancel"),
    ),
    "fronts": ("claim", "turns", "orders_of_queues"),
    "holds": ("concurrency",),
    "kinds": ("enqueue", "uniqueness", "dependencies"),
    "leave": ("parking", "presence"),
    "neighbours": ("move_by", "move_orders"),
    "orders": ("move_before", "move_after", "move_orders", "move_top", "move_bottom"),
    "page": ("listing", "lookups"),
    "parking": ("claim",),
    "placing": ("enqueue", "parking"),
    "plain": ("plain", "enqueue"),
    "prelude": ("events", "tick", "claim"),
    "purge": ("purge_references",),
    "ready": ("parking", "claim", "tick", "concurrency", "turns"),
    "references": ("purge_references", "purge"),
    "sources": ("page", "lookups"),
    "states": ("archive", "cancel", "reset", "dependencies"),
    "tick": (
        *("parking", "statistics", "concurrency", "age_queue"),
        *("strange_members", "room_for_others"),
    ),
    "resume_worker": ("pause_worker",),
    "undrain": ("drain",),
    "turns": ("orders_of_queues",),
    "waiting": ("cancel", "tick", "concurrency", "room_for_others"),
    "waking": ("resume_queue", "limit_queue"),
}
"""Test files beside test_<name>.py, by their names without test_."""


def names() -> list[str]:
    """Return all Lua files by name."""
    return sorted(path.stem for path in LUA.glob("*.lua"))


def related(name: str) -> list[str]:
    """Return the test files of a Lua file: its own, those beside it, those of its users."""
    users = [user for user in names() if user != name and _uses(user, name)]
    candidates = [name, *_BESIDE.get(name, ()), *(users if name not in _BESIDE else ())]
    paths = [TESTS / "scripts" / f"test_{candidate}.py" for candidate in dict.fromkeys(candidates)]
    return [str(path) for path in paths if path.exists()]


def _uses(user: str, part: str) -> bool:
    head = (LUA / f"{user}.lua").read_text("utf-8").split("\n\n")[0]
    return f"{part}.lua" in head


def is_sound(name: str, text: str) -> bool:
    """Whether a changed file compiles, alone or in the scripts that it is a part of."""
    from lupa.lua51 import LuaRuntime, LuaSyntaxError  # type: ignore[import-untyped]

    prelude = "" if name == "prelude" else (LUA / "prelude.lua").read_text("utf-8")
    try:
        LuaRuntime().compile(f"{prelude}\n{text}")
    except LuaSyntaxError:
        return False
    return True
