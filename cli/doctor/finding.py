"""What one check found."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    """It works, but not as well or as safely as it could."""
    FAIL = "fail"
    """Something can't work like this."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    name: str
    verdict: Verdict
    words: str
    """What was found."""
    todo: str = ""
    """What to do; empty where nothing has to be done."""


def ok(name: str, words: str) -> Finding:
    """Return that something is as it should be."""
    return Finding(name=name, verdict=Verdict.OK, words=words)


def warn(name: str, words: str, todo: str) -> Finding:
    """Return that something works, but could be better."""
    return Finding(name=name, verdict=Verdict.WARN, words=words, todo=todo)


def fail(name: str, words: str, todo: str = "") -> Finding:
    """Return that something can't work."""
    return Finding(name=name, verdict=Verdict.FAIL, words=words, todo=todo)
