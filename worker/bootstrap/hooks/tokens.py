"""Turns the text of an override into the command line tokens that a parser takes for it."""

from __future__ import annotations

import argparse
import json
import shlex

from ..near import normal
from ..words import truth

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .matching import Match


class BadValue(ValueError):
    """An override that can't be said on the command line of its action."""

    def __init__(self, action: argparse.Action, problem: str) -> None:
        super().__init__(str(argparse.ArgumentError(action, f"{problem} (from --set)")))


class Said:
    """One group of tokens per occurrence, and values that no token can say (dest -> value)."""

    __slots__ = ("forced", "groups")

    def __init__(self, groups: list[list[str]], forced: dict[str, Any] | None = None) -> None:
        self.groups = groups
        self.forced = forced or {}


def say(match: Match, text: str) -> Said:
    """The tokens for an option: a flag, a counter, one value, several values, repeated values."""
    action = match.first
    if isinstance(action, argparse._CountAction):
        return _count(action, text)
    if action.nargs == 0:
        return _flag(match, text)
    if isinstance(action, argparse._AppendAction):
        return Said([_group(action, values) for values in _occurrences(action, text)])
    return Said([_group(action, words(action, text))])


def words(action: argparse.Action, text: str) -> list[str]:
    """The values in an override: a JSON list or shell words where several are wanted."""
    if action.nargs is None or action.nargs == argparse.OPTIONAL:
        return [_for_type(action, text)]
    listed = _json_list(text)
    if listed is not None:
        return [_as_text(one) for one in listed]
    try:
        return shlex.split(text)
    except ValueError as e:
        raise BadValue(action, f"cannot split {text!r} into values: {e}") from None


def _group(action: argparse.Action, values: list[str]) -> list[str]:
    name = _long(action)
    if len(values) == 1:
        return [f"{name}={values[0]}"]  # safe for values that begin with a dash
    return [name, *values]


def _occurrences(action: argparse.Action, text: str) -> list[list[str]]:
    """The values of each occurrence of an option that may be given many times."""
    listed = _json_list(text)
    if listed is None or isinstance(action, argparse._ExtendAction):
        return [words(action, text)]
    if action.nargs is None:
        return [[_as_text(one)] for one in listed]
    if all(isinstance(one, list) for one in listed):
        return [[_as_text(value) for value in one] for one in listed]
    return [words(action, text)]


def _count(action: argparse.Action, text: str) -> Said:
    if not text.isdecimal():
        raise BadValue(action, f"invalid count {text!r}: a whole number is wanted")
    missing = max(0, int(text) - (action.default or 0))
    return Said([[action.option_strings[0]]] * missing, {action.dest: int(text)})


def _flag(match: Match, text: str) -> Said:
    action, wanted = match.first, truth(text)
    if match.by_dest and isinstance(action, argparse._StoreConstAction):
        return _constant(match, text)
    if wanted is None:
        raise BadValue(action, f"invalid boolean value {text!r}: true or false is wanted")
    if isinstance(action, getattr(argparse, "BooleanOptionalAction", ())):
        says_no = normal(match.name).startswith("no_") and not match.by_dest
        return Said([[_boolean_option(action, wanted is not says_no)]])
    return Said([[_long(action)]] if wanted else [])


def _constant(match: Match, text: str) -> Said:
    """The flag of a dest whose constant is wanted: store_true, store_false, store_const."""
    action, wanted = match.first, truth(text)
    constants = [getattr(one, "const", None) for one in match.actions]
    is_boolean = all(isinstance(one, bool) for one in constants)
    for one, constant in zip(match.actions, constants):  # noqa: B905  strict= needs 3.10
        if (wanted is constant) if is_boolean else (text == str(constant)):
            return Said([[_long(one)]])
    if is_boolean and wanted is not None:
        return Said([], {action.dest: wanted})
    if len(constants) == 1 and wanted is not None:
        return Said([[_long(action)]] if wanted else [])
    choices = "true or false" if is_boolean else ", ".join(map(str, constants))
    raise BadValue(action, f"invalid value {text!r}: wanted is {choices}")


def _long(action: argparse.Action) -> str:
    return next((o for o in action.option_strings if o.startswith("--")), action.option_strings[0])


def _boolean_option(action: argparse.Action, wanted: bool) -> str:
    for option in action.option_strings:
        if option.startswith("--no-") is not wanted:
            return option
    return action.option_strings[0]


def _for_type(action: argparse.Action, text: str) -> str:
    """`type=bool` calls bool("false"), which is true: the empty text is its only false."""
    return "" if action.type is bool and truth(text) is False else text


def _json_list(text: str) -> list[Any] | None:
    if not text.lstrip().startswith("["):
        return None
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) else None


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
