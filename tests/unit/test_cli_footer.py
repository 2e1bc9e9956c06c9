"""The next useful commands: only for a person who looks."""

import io
import sys

import pytest

from rq_agent.cli.render.footer import MOST, footer


class Told:
    """A screen that keeps what it is told."""

    def __init__(self, *, json: bool) -> None:
        self.json = json
        self.lines: list[str] = []

    def say(self, text: str = "") -> None:
        self.lines.append(text)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("json", "is_terminal", "lines"), [(False, True, 2), (True, True, 0), (False, False, 0)]
)
def test_it_is_for_terminals_and_not_for_json(
    monkeypatch: pytest.MonkeyPatch, json: bool, is_terminal: bool, lines: int
) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal() if is_terminal else io.StringIO())
    screen = Told(json=json)

    footer(screen, ["logs -f x", "show x"])  # type: ignore[arg-type]

    assert screen.lines == ["  rq-agent logs -f x", "  rq-agent show x"][:lines]


def test_it_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Terminal())
    screen = Told(json=False)

    footer(screen, ["ps"] * 9)  # type: ignore[arg-type]

    assert len(screen.lines) == MOST
