"""Output of others on a terminal."""

import json
import logging
import re
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rq_agent.cli.config import Settings
from rq_agent.cli.render.escapes import EscapeFilter
from rq_agent.cli.render.screen import Screen
from rq_agent.cli.stderr_log import log_to_stderr


def shown(*chunks: bytes) -> bytes:
    filter_ = EscapeFilter()
    return b"".join(filter_.feed(chunk) for chunk in chunks) + filter_.rest()


@pytest.mark.parametrize(
    "harmless", [b"plain\n", b"\x1b[1;31mred\x1b[0m", b"50%\r60%\r", b"a\tb\bc", "é…".encode()]
)
def test_text_and_colours_stay(harmless: bytes) -> None:
    assert shown(harmless) == harmless


@pytest.mark.parametrize(
    "dangerous",
    [
        b"\x1b[2J",  # clears the screen
        b"\x1b[10;10H",  # moves
        b"\x1b]0;title\x07",
        b"\x1b]52;c;Y2xpcGJvYXJk\x1b\\",  # writes the clipboard
        b"\x1bPq#0\x1b\\",
        b"\x1bc",  # resets the terminal
        b"\x1b(0",
        b"\x1b[?1049h",
        b"\x1b[>c",
        b"\x07",
        b"\x00\x0e",
        "\x9b2J".encode()[:2],  # the same as one character
    ],
)
def test_what_steers_the_terminal_goes(dangerous: bytes) -> None:
    assert shown(b"a" + dangerous + b"b") == b"ab"


@given(st.binary(max_size=200))
def test_no_escape_but_colours_ever_gets_through(data: bytes) -> None:
    kept = shown(data, b"end")

    for part in kept.split(b"\x1b")[1:]:
        assert part.startswith(b"[")
        assert part[1:].lstrip(b"0123456789;:")[:1] == b"m"
    assert not re.search(rb"\xc2[\x80-\x9f]", kept)


@given(st.binary(max_size=60), st.integers(0, 60))
def test_a_cut_between_two_chunks_changes_nothing(extra: bytes, cut: int) -> None:
    data = b"x\x1b[31mred\x1b[2J\x1b]0;t\x07" + extra

    assert shown(data[:cut], data[cut:]) == shown(data)


def test_an_unfinished_sequence_does_not_hold_output_back_for_ever() -> None:
    filter_ = EscapeFilter()

    filter_.feed(b"\x1b]0;" + b"x" * 10_000)

    assert filter_.feed(b"hello") == b"hello"


def test_json_spells_every_control_and_stays_the_same_value(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    controls = "".join(map(chr, (*range(32), *range(0x7F, 0xA0))))
    value = {"name": f"{controls} \xa0\xe9\u2028 \x9d52;c;ZXZpbA==\x9c"}
    screen = Screen(cast(Settings, SimpleNamespace(json=True, color=False)))

    screen.print_json(value)
    screen.print_json_line(value)

    lines = capfdbinary.readouterr().out.splitlines()
    assert [json.loads(line) for line in lines] == [value, value]
    assert not re.search(rb"[\x00-\x1f\x7f]|\xc2[\x80-\x9f]", b"".join(lines))
    assert "\xa0\xe9".encode() in lines[0]


def test_what_people_are_told_steers_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(cast(Settings, SimpleNamespace(json=False, color=False)))

    screen.say("queued in \x1b]52;c;ZXZpbA==\x07\x9b31m\nfor 3 s \u25b8 \u00e9")

    assert (
        capsys.readouterr().err
        == "queued in \ufffd]52;c;ZXZpbA==\ufffd\ufffd31m\nfor 3 s \u25b8 \u00e9\n"
    )


def test_a_line_of_a_log_can_not_be_forged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)

    log_to_stderr(verbose=False)
    logging.getLogger("x").warning("message %s is not known", "\x1b]0;t\x07\n12:00:00 forged\r")

    first, second = capsys.readouterr().err.splitlines()
    assert re.fullmatch("[0-9:]{8} message \ufffd]0;t\ufffd", first)
    assert second == "    12:00:00 forged\ufffd is not known"
