"""`rq_agent.params({...})`: a script's parameters, with the overrides of the task in place."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Base = dict[str, Any]
else:
    Base = dict

_USAGE_EXIT = 2


class Params(Base):
    """A dict whose keys can also be read and set as attributes."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no parameter {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"there is no parameter {name!r}") from None


def params(defaults: Mapping[str, Any]) -> Params:
    """Return the defaults with the overrides of `--set NAME=VALUE`, each of its default's type.

    Names in nested dicts are dotted: `--set model.depth=3`. Outside a task nothing is overridden.
    A value of the wrong type, or a name that nothing in the script has, ends the script with 2.
    """
    values = _copy(defaults)
    overrides = _overrides()
    taken = [name for name, text in overrides.items() if _override(values, name, text)]
    ledger = getattr(sys.modules.get("_rq_agent_bootstrap"), "current", None)
    if ledger is not None:
        used = dict(_leaves(values))
        ledger.consume(taken)
        ledger.learn(used)
        ledger.record(used)
        ledger.refuse_unread()
    return values


def _copy(defaults: Mapping[str, Any]) -> Params:
    return Params(
        {
            name: _copy(value) if isinstance(value, dict) and value else value
            for name, value in defaults.items()
        }
    )


def _overrides() -> dict[str, str]:
    """What the worker left for this task; nothing outside a task."""
    try:
        with open(os.environ["RQ_AGENT_PARAMS_FILE"], encoding="utf-8") as file:
            text = file.read().strip()
    except (KeyError, FileNotFoundError):
        return {}
    if text in ("", "{}"):
        return {}
    import json

    found: dict[str, str] = json.loads(text)
    return found


def _override(values: Params, name: str, text: str) -> bool:
    """Replace the value that a name means; False if there is none."""
    from .convert import WrongType, convert

    place = _place(values, name)
    if place is None:
        return False
    folder, key = place
    try:
        new = convert(folder[key], text)
    except WrongType as e:
        program = os.path.basename(sys.argv[0])
        sys.stderr.write(f"{program}: error: parameter {name!r} from --set {e}\n")
        raise SystemExit(_USAGE_EXIT) from None
    folder[key] = _copy(new) if isinstance(new, dict) else new
    return True


def _place(values: Params, name: str) -> tuple[Params, str] | None:
    """The dict and the key that a dotted name means; dashes and underscores are alike."""
    wanted = _normal(name)
    for key, value in values.items():
        if not isinstance(key, str):
            continue
        own = _normal(key)
        if own == wanted:
            return values, key
        if isinstance(value, Params) and wanted.startswith(own + "."):
            inner = _place(value, wanted[len(own) + 1 :])
            if inner is not None:
                return inner
    return None


def _normal(name: str) -> str:
    return name.lstrip("-").replace("-", "_")


def _leaves(values: Params, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Params):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
