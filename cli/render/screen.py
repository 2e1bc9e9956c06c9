"""Where words go: data to stdout, everything for people to stderr."""

import errno
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final

from ..config import Settings

if TYPE_CHECKING:
    from rich.console import Console


_C1: Final = re.compile(rb"\x7f|\xc2[\x80-\x9f]")
"""Controls that JSON need not spell, in UTF-8, where no other character has these bytes."""


class Screen:
    """The two streams of one command, and whether they may be coloured and redrawn."""

    def __init__(self, settings: Settings) -> None:
        self.json = settings.json
        self._color = settings.color

    def put(self, text: str, style: str = "") -> None:
        """Print a line of data; with a style of rich where a terminal shows colours."""
        if style and self._color and sys.stdout.isatty():
            console = self.console(sys.stdout)
            with console.capture() as captured:
                console.print(text, style=style, end="")
            text = captured.get()
        print(text)

    def print_json(self, value: Any) -> None:
        """Print a value as JSON, in UTF-8 whatever the locale is; indented for people."""
        import msgspec

        encoded = msgspec.json.encode(value)
        if sys.stdout.isatty():
            encoded = msgspec.json.format(encoded, indent=2)
        _write_line(encoded)

    def print_json_line(self, value: Any) -> None:
        """Print one of many values, each as JSON on a line of its own."""
        import msgspec

        _write_line(msgspec.json.encode(value))

    def say(self, text: str = "") -> None:
        """Tell people something. A full disk under a log must not end what runs.

        What others wrote may be part of it, so nothing in it steers the terminal.
        """
        try:
            print("\n".join(map(printable, text.split("\n"))), file=sys.stderr, flush=True)
        except OSError as e:
            if e.errno != errno.ENOSPC:
                raise

    def warn(self, text: str) -> None:
        """Tell people something that they should know."""
        self.say(f"warning: {text}")

    def is_live(self, stream: IO[str]) -> bool:
        """Return whether a stream can be redrawn: a terminal that is not a dumb one."""
        return stream.isatty() and self.console(stream).is_terminal

    def console(self, stream: IO[str], *, width: int | None = None) -> "Console":
        """Return a console of rich on a stream; it writes no colours where there should be none."""
        from rich.console import Console

        return Console(
            file=stream,
            width=width,
            no_color=not self._color,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    def symbol(self, text: str, plain: str) -> str:
        """Return a symbol for people, or the plain one where stderr can't show it."""
        try:
            text.encode(sys.stderr.encoding or "ascii")
        except UnicodeEncodeError:
            return plain
        return text

    @contextmanager
    def progress(self, what: str) -> Iterator[Callable[[str], None]]:
        """Show what goes on while the body runs: a spinner on a terminal, else nothing.

        Yields what is told the present step; may be called from other threads.
        """
        if not sys.stderr.isatty() or not self._color:
            yield lambda step: None
            return
        with self.console(sys.stderr).status(what) as status:
            yield lambda step: status.update(printable(step))


def _write_line(encoded: bytes) -> None:
    """Write JSON. It may stand raw in it, but to a terminal U+009B is what ESC [ is: spell it."""
    sys.stdout.flush()
    spelled = _C1.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), encoded)
    sys.stdout.buffer.write(spelled + b"\n")
    sys.stdout.buffer.flush()


def printable(text: str) -> str:
    """Return text of others without control characters, which could steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
