"""Overrides for argparse: they become tokens that the script's own parser parses."""

from __future__ import annotations

import argparse
import os
import sys
from _thread import get_ident

from ..near import hint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any

    from ..ledger import Ledger
    from .compose import Composed

_ENTRIES = {
    "parse_args": True,
    "parse_known_args": False,
    "parse_intermixed_args": True,
    "parse_known_intermixed_args": False,
}
"""Method of ArgumentParser -> whether it refuses what it does not know."""


def install(library: ModuleType, ledger: Ledger) -> None:
    """Hook argparse; a module of the user's that only has its name is left alone."""
    parser_class = getattr(library, "ArgumentParser", None)
    if not all(hasattr(parser_class, name) for name in _ENTRIES):
        return
    hook = Hook(ledger)
    for name, is_strict in _ENTRIES.items():
        original = getattr(argparse.ArgumentParser, name)
        setattr(argparse.ArgumentParser, name, _entry(hook, original, is_strict=is_strict))


def _entry(hook: Hook, original: Callable[..., Any], *, is_strict: bool) -> Callable[..., Any]:
    def parse(
        self: argparse.ArgumentParser, args: Sequence[str] | None = None, namespace: Any = None
    ) -> Any:
        caller = sys._getframe(1).f_code.co_filename
        given = hook.command_line(args, caller)
        if given is None:
            return original(self, args, namespace)
        return hook.parse(original, self, given, namespace, is_strict=is_strict)

    parse.__name__ = original.__name__
    parse.__qualname__ = original.__qualname__
    parse.__doc__ = original.__doc__
    parse.__module__ = original.__module__
    parse.__dict__["__wrapped__"] = original
    return parse


class Hook:
    """Which parses read the command line, and what they were given instead."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parsing: set[int] = set()  # threads inside a parse: subparsers call parse again
        self._extras: list[list[str]] = []  # left over by parse_known_args, for a second parser
        self._given: list[str] = []  # the user's own argv
        self._shown: list[str] | None = None  # what we put into sys.argv for it

    def command_line(self, args: Sequence[str] | None, caller: str) -> list[str] | None:
        """The tokens to parse if they come from the command line, else None."""
        if get_ident() in self._parsing:
            return None
        now = sys.argv[1:]
        if args is None or any(args is extras for extras in self._extras):
            from_line = True
        else:
            from_line = list(args) == now and (bool(now) or _is_the_users(caller))
        if not from_line:
            return None
        if args is not None and list(args) != now:
            return list(args)
        if now != self._shown:
            self._given = now
        return list(self._given)

    def parse(
        self,
        original: Callable[..., Any],
        parser: argparse.ArgumentParser,
        given: list[str],
        namespace: Any,
        *,
        is_strict: bool,
    ) -> Any:
        """Parse with the overrides in place, and record what came out."""
        self._parsing.add(get_ident())
        try:
            if not self._ledger.overrides:
                result = original(parser, given, namespace)
            else:
                composed = self._compose(parser, given, is_strict=is_strict)
                result = _parse_composed(original, parser, composed, namespace)
                self._show(composed, given)
                _force(composed, result if is_strict else result[0])
        finally:
            self._parsing.discard(get_ident())
        if not is_strict:
            self._extras.append(result[1])
        self._ledger.record(vars(result if is_strict else result[0]))
        return result

    def _compose(
        self, parser: argparse.ArgumentParser, given: list[str], *, is_strict: bool
    ) -> Composed:
        from .compose import compose  # tasks without overrides do not pay for these
        from .tokens import BadValue

        try:
            composed = compose(parser, given, self._ledger.overrides)
        except BadValue as e:
            self._ledger.consume(self._ledger.overrides)  # the parser's error is enough
            parser.error(str(e))
        self._ledger.consume(composed.taken)
        self._ledger.learn(composed.known)
        unread = self._ledger.unread()
        if unread and is_strict and not composed.is_open and not self._ledger.survey().has_params:
            self._ledger.consume(unread)
            told = ", ".join(f"{name!r} from --set{hint(name, composed.known)}" for name in unread)
            composed.deepest.error(f"unrecognized parameter {told}")
        return composed

    def _show(self, composed: Composed, given: list[str]) -> None:
        """Children that start with our sys.argv (spawn, one process per GPU) parse it again."""
        if composed.taken and given == self._given:
            sys.argv[1:] = self._shown = composed.argv


def _parse_composed(
    original: Callable[..., Any],
    parser: argparse.ArgumentParser,
    composed: Composed,
    namespace: Any,
) -> Any:
    before = [(action, action.nargs) for action, _ in composed.fixed]
    try:
        for action, count in composed.fixed:
            action.nargs = count
        return original(parser, composed.argv, namespace)
    finally:
        for action, nargs in before:
            action.nargs = nargs


def _force(composed: Composed, namespace: Any) -> None:
    for dest, value in composed.forced.items():
        setattr(namespace, dest, value)


def _is_the_users(filename: str) -> bool:
    library = os.path.dirname(os.__file__)
    return "site-packages" not in filename and not filename.startswith(library)
