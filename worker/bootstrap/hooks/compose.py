"""Composes the argv that a parser shall see: what the user gave, with the overrides instead."""

from __future__ import annotations

import argparse

from . import matching, segments
from .tokens import say, words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from .matching import Match
    from .segments import Part

    Group = tuple[argparse.Action, list[str]]


class Composed:
    """The argv, and what else came out of matching the overrides with a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self.argv: list[str] = []
        self.taken: set[str] = set()  # names of overrides that this parser has
        self.known: list[str] = matching.names(parser)
        self.forced: dict[str, Any] = {}  # values that no token can say
        self.fixed: list[tuple[argparse.Action, int]] = []  # see _fix_last
        self.deepest = parser  # the parser of the chosen subcommand
        self.is_open = False  # a subcommand is still to be chosen

    def absorb(self, inner: Composed) -> None:
        """Take over what the parser of the subcommand found."""
        self.taken |= inner.taken
        self.known += inner.known
        self.forced.update(inner.forced)
        self.fixed += inner.fixed
        self.deepest, self.is_open = inner.deepest, inner.is_open


def compose(
    parser: argparse.ArgumentParser, argv: Sequence[str], overrides: Mapping[str, str]
) -> Composed:
    """Replace in argv what the overrides say; the parser itself then checks and converts.

    Raises BadValue for text that can't be put on this parser's command line.
    """
    result = Composed(parser)
    found = {name: m for name in overrides if (m := matching.find(parser, name))}
    result.taken |= set(found)
    if parser.fromfile_prefix_chars is not None:
        argv = parser._read_args_from_files(list(argv))
    parts, tail = segments.cut(parser, argv)
    rest = segments.rest_action(parser)

    options = [m for m in found.values() if m.first.option_strings]
    new = _option_groups(options, overrides, result)
    replaced = {m.first.dest for m in options}
    parts = [p for p in parts if p.action is None or p.action.dest not in replaced]

    positionals = {m.first: overrides[m.name] for m in found.values() if m not in options}
    if rest is not None and rest in positionals:
        tail = _replace_rest(rest, positionals.pop(rest), tail)
    front: list[str] = []
    if positionals:
        front, tail = _positional_tokens(parser, parts, tail, positionals)
        parts = [p for p in parts if p.option]
    if isinstance(rest, argparse._SubParsersAction):
        tail = _subcommand(rest, tail, overrides, result)

    kept = [token for part in parts for token in part.tokens]
    if rest is None:
        result.argv = [*front, *kept, *_flat(new), *tail]
    else:  # what comes after the rest belongs to it
        new.sort(key=lambda group: len(group[1]), reverse=True)
        _fix_last(new, [*kept, *tail], result)
        result.argv = [*front, *_flat(new), *kept, *tail]
    return result


def _option_groups(
    options: list[Match], overrides: Mapping[str, str], result: Composed
) -> list[Group]:
    groups: list[Group] = []
    for match in options:
        said = say(match, overrides[match.name])
        groups += [(match.first, tokens) for tokens in said.groups]
        result.forced.update(said.forced)
    return groups


def _flat(groups: list[Group]) -> list[str]:
    return [token for _, tokens in groups for token in tokens]


def _fix_last(groups: list[Group], after: list[str], result: Composed) -> None:
    """Keep an option with many values from swallowing the subcommand right behind it."""
    if not groups or not after or after[0][:1] in result.deepest.prefix_chars:
        return
    action, tokens = groups[-1]
    if len(tokens) > 1:
        result.fixed.append((action, len(tokens) - 1))


def _replace_rest(rest: argparse.Action, text: str, tail: list[str]) -> list[str]:
    if isinstance(rest, argparse._SubParsersAction):
        return [text, *tail[1:]]
    return words(rest, text)


def _subcommand(
    action: argparse._SubParsersAction[argparse.ArgumentParser],
    tail: list[str],
    overrides: Mapping[str, str],
    result: Composed,
) -> list[str]:
    chosen = action._name_parser_map.get(tail[0]) if tail else None
    if chosen is None:
        result.is_open = True  # the parser says what is wrong with the subcommand
        return tail
    inner = compose(chosen, tail[1:], overrides)
    result.absorb(inner)
    return [tail[0], *inner.argv]


def _positional_tokens(
    parser: argparse.ArgumentParser,
    parts: list[Part],
    tail: list[str],
    overridden: Mapping[argparse.Action, str],
) -> tuple[list[str], list[str]]:
    """The positional tokens with the overridden ones replaced or added, and the new tail."""
    given = [token for part in parts if not part.option for token in part.tokens]
    if tail[:1] == ["--"]:
        given, tail = given + tail[1:], []
    actions = [a for a in parser._get_positional_actions() if a.nargs not in segments._REST]
    present = actions
    counts = _share(parser, actions, len(given))
    if len(counts) < len(actions):  # too few: the overridden ones were left out
        present = [action for action in actions if action not in overridden]
        counts = _share(parser, present, len(given))
    slices = {}
    for action, count in zip(present, counts):  # noqa: B905  a missing one is the parser's to say
        slices[action], given = given[:count], given[count:]
    tokens: list[str] = []
    for action in actions:
        new = words(action, overridden[action]) if action in overridden else None
        tokens += slices.get(action, []) if new is None else new
    tokens += given
    if not tail and any(token[:1] in parser.prefix_chars for token in tokens if token):
        return [], ["--", *tokens]
    return tokens, tail


def _share(
    parser: argparse.ArgumentParser, actions: list[argparse.Action], count: int
) -> list[int]:
    """How many of so many positional tokens each action takes; shorter if they don't suffice."""
    return list(parser._match_arguments_partial(actions, "A" * count))
