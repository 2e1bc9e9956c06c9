"""A person's own editor, on a file that only they can read; what they wrote is never lost."""

import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..broker.errors import UsageError

_USUAL: Final = ("nano", "vim", "vi", "emacs")


def command_of(environ: Mapping[str, str]) -> list[str]:
    """Return the editor's command: $VISUAL, $EDITOR, or what is installed.

    Raises:
        UsageError: there is none, or nobody sits at a terminal to use it.
    """
    for name in ("VISUAL", "EDITOR"):
        if written := environ.get(name, "").strip():
            try:
                return shlex.split(written)
            except ValueError as e:
                raise UsageError(f"{name} is {written!r}: {e}") from e
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "nobody is there to edit, and no EDITOR is set; say what to change by options,"
            " like --set lr=0.1 or --priority high"
        )
    for name in _USUAL:
        if shutil.which(name):
            return [name]
    raise UsageError("no editor was found; name one in the variable EDITOR")


class Draft:
    """A document on its way through an editor."""

    def __init__(self, folder: Path, text: str) -> None:
        """`folder` is made if need be, for its owner only."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".toml", "edit-", folder)  # mode 0600
        self.path = Path(name)
        self._before = text
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(text)

    @property
    def is_changed(self) -> bool:
        """Return whether the file holds something else than at first."""
        return self.path.read_text("utf-8", "replace") != self._before

    def edit(self, command: list[str]) -> str:
        """Let the person edit; return the text.

        Raises:
            UsageError: the editor can't be started, failed, or left no text.
        """
        try:
            with _interrupts_left_to_editor():
                code = subprocess.run([*command, str(self.path)], check=False).returncode
        except OSError as e:
            raise UsageError(f"the editor {command[0]} can't be started: {e.strerror}") from e
        if code:
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            raise UsageError(f"the editor {command[0]} {how}; nothing was changed")
        try:
            return self.path.read_text("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError as e:
            raise UsageError("what was saved is not UTF-8 text") from e
        except OSError as e:
            raise UsageError(f"what was saved can't be read: {e.strerror}") from e

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


@contextmanager
def _interrupts_left_to_editor() -> Iterator[None]:
    """Ctrl-C in an editor is for it alone. A handler, unlike SIG_IGN, is not inherited by it."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
