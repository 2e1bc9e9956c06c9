"""The reference of the Redis keys: what broker/keys.py says of each, with an example of its name."""

import inspect
from pathlib import Path
from typing import Any

from rq_agent.broker import keys

from .pages import prose
from .pages import write as write_page

_EXAMPLES = {
    "p": keys.prefix("lab"),
    "namespace": "lab",
    "fence": 3,
    "minute": 29_400_000,
}
_INTRO = """# Redis keys

All keys of the namespace `lab` begin with `rqa:{lab}:`; the braces are one hash tag, so a namespace lies in one slot.
A key whose own name begins with `!` is out of reach for those who only submit or look.

| key | what |
|---|---|
"""


def write(path: Path) -> None:
    """Write the page."""
    rows = [
        f"| `{_name(function)}` | {_text(function)} |"
        for function in vars(keys).values()
        if inspect.isfunction(function)
        and function.__module__ == keys.__name__
        and not function.__name__.startswith("_")
        and function.__name__ != "prefix"
        and inspect.signature(function).return_annotation in (str, "str")
    ]
    write_page(path, _INTRO + "\n".join(rows) + "\n")


def _name(function: Any) -> str:
    names = inspect.signature(function).parameters
    values = [_EXAMPLES.get(name, f"<{name}>") for name in names]
    return str(function(*values))


def _text(function: Any) -> str:
    return prose(inspect.getdoc(function) or "").replace("|", "\\|")
