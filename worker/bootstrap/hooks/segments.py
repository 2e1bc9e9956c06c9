"""Cuts an argv into what an argparse parser will make of it, without running the parser."""

from __future__ import annotations

import argparse
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_REST = (argparse.REMAINDER, argparse.PARSER)
_CLUSTER = re.compile(r"-[^-=].+")


class Part:
    """One option with its values, or one positional token (then `option` is false)."""

    __slots__ = ("action", "option", "tokens")

    def __init__(self, tokens: list[str], *, option: bool, action: argparse.Action | None) -> None:
        self.tokens = tokens
        self.option = option
        self.action = action  # None for a positional token and for an unknown option


def cut(parser: argparse.ArgumentParser, argv: Sequence[str]) -> tuple[list[Part], list[str]]:
    """Return the parts in order, and the tail: from `--`, a subcommand or a remainder on."""
    tokens = [piece for token in argv for piece in _spread(parser, token)]
    rest, before_rest = rest_action(parser), _positionals_before_rest(parser)
    parts: list[Part] = []
    positional_count = at = 0
    while at < len(tokens):
        token = tokens[at]
        if token == "--":
            break
        if not _is_option(parser, token):
            if positional_count == before_rest:
                break
            positional_count += 1
            parts.append(Part([token], option=False, action=None))
            at += 1
            if positional_count == before_rest and rest and rest.nargs == argparse.REMAINDER:
                break  # takes options too
            continue
        action, has_value = _lookup(parser, token)
        end = at + 1
        if action is not None and not has_value:
            end += _value_count(parser, action, tokens[at + 1 :])
        parts.append(Part(tokens[at:end], option=True, action=action))
        at = end
    return parts, tokens[at:]


def rest_action(parser: argparse.ArgumentParser) -> argparse.Action | None:
    """The positional that takes all that follows: a subcommand or a remainder."""
    for action in parser._get_positional_actions():
        if action.nargs in _REST:
            return action
    return None


def _positionals_before_rest(parser: argparse.ArgumentParser) -> float:
    count = 0.0
    for action in parser._get_positional_actions():
        if action.nargs in _REST:
            return count
        if isinstance(action.nargs, int):
            count += action.nargs
        else:
            count += float("inf") if action.nargs in ("*", "+") else 1
    return float("inf")


def _spread(parser: argparse.ArgumentParser, token: str) -> list[str]:
    """Turn a cluster of short flags (-vq, -vn5) into one token per flag."""
    if not _CLUSTER.match(token) or token in parser._option_string_actions:
        return [token]
    flag = parser._option_string_actions.get(token[:2])
    if flag is None or flag.nargs != 0 or not _is_option(parser, token):
        return [token]
    return [token[:2], *_spread(parser, token[0] + token[2:])]


def _is_option(parser: argparse.ArgumentParser, token: str) -> bool:
    if not token or token[0] not in parser.prefix_chars or len(token) == 1:
        return False
    if token in parser._option_string_actions:
        return True
    if parser._negative_number_matcher.match(token) and not parser._has_negative_number_optionals:
        return False
    return " " not in token or _lookup(parser, token)[0] is not None


def _lookup(parser: argparse.ArgumentParser, token: str) -> tuple[argparse.Action | None, bool]:
    """The option that a token means (None: unknown) and whether it carries its value."""
    options = parser._option_string_actions
    if token in options:
        return options[token], False
    name, equals, _ = token.partition("=")
    if equals and name in options:
        return options[name], True
    if token[1] in parser.prefix_chars:
        begun = {id(a): a for option, a in options.items() if option.startswith(name)}
        if len(begun) == 1 and getattr(parser, "allow_abbrev", True):
            return next(iter(begun.values())), bool(equals)
        return None, False
    return options.get(token[:2]), True


def _value_count(
    parser: argparse.ArgumentParser, action: argparse.Action, following: Sequence[str]
) -> int:
    run = 0
    while (
        run < len(following) and following[run] != "--" and not _is_option(parser, following[run])
    ):
        run += 1
    if action.nargs is None or action.nargs == "?":
        return min(run, 1)
    if isinstance(action.nargs, int):
        return min(run, action.nargs)
    return len(following) if action.nargs in _REST else run
