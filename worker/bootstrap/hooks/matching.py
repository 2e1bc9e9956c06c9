"""Finds the argparse actions that an override's name means."""

from __future__ import annotations

import argparse

from ..near import normal


class Match:
    """The actions that a name means: those of one dest, or the one with that option string."""

    __slots__ = ("actions", "by_dest", "name")

    def __init__(self, name: str, actions: list[argparse.Action], *, by_dest: bool) -> None:
        self.name = name
        self.actions = actions
        self.by_dest = by_dest

    @property
    def first(self) -> argparse.Action:
        """The action that values go to."""
        return self.actions[0]


def find(parser: argparse.ArgumentParser, name: str) -> Match | None:
    """Look a name up by dest, then by option string; dashes and underscores are alike."""
    wanted = normal(name)
    actions = _overridable(parser)
    by_dest = [action for action in actions if normal(action.dest) == wanted]
    if by_dest:
        return Match(name, by_dest, by_dest=True)
    for action in actions:
        if wanted in {normal(option) for option in action.option_strings}:
            return Match(name, [action], by_dest=False)
    return None


def names(parser: argparse.ArgumentParser) -> list[str]:
    """The names that find() knows, one per action: what near names are looked up in."""
    return [normal(action.dest) for action in _overridable(parser)]


def _overridable(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    never = (argparse._HelpAction, argparse._VersionAction)
    return [
        action
        for action in parser._actions
        if not isinstance(action, never) and action.dest not in (None, argparse.SUPPRESS)
    ]
