"""One visit to a person's editor: from tasks to what is to be otherwise of each."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..broker.clones import Changes
from ..broker.errors import UsageError
from ..broker.keys import TaskId
from . import edit_document
from .edit_document import Page
from .editor import Draft, command_of
from .reporting import say_error
from .sheets import changes_between

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .config import Settings
    from .render.screen import Screen

_FOLDER: Final = "edits"


class Visit:
    """Opens the editor; keeps what was written until it has been used."""

    def __init__(self, settings: "Settings", screen: "Screen", environ: Mapping[str, str]) -> None:
        """Raise UsageError where there is no editor."""
        self._command = command_of(environ)
        self._folder = settings.home.data / _FOLDER
        self._screen = screen

    @contextmanager
    def changes(
        self, pages: Sequence[Page], *, head: str = edit_document.HEAD
    ) -> "Iterator[tuple[Mapping[TaskId, Changes], Callable[[], None]]]":
        """Yield what the person wants of each task that they left in, and what keeps the text.

        The text is kept, and its place said, after an error too.

        Raises:
            UsageError: the editor failed, or the text can't be understood; nothing was changed.
        """
        draft = Draft(self._folder, edit_document.write(pages, head=head))
        kept: list[bool] = []
        try:
            yield self._written(draft, pages), lambda: kept.append(True)
        except BaseException:
            self._keep(draft)
            raise
        if kept:
            self._keep(draft)
        else:
            draft.discard()

    def _written(self, draft: Draft, pages: Sequence[Page]) -> dict[TaskId, Changes]:
        """Return what the person wants; ask again after a slip, if they are there to be asked."""
        while True:
            text = draft.edit(self._command)
            try:
                wanted = edit_document.read(text, pages, draft.path.name)
            except UsageError as e:
                say_error(str(e))
                if not self._goes_on():
                    raise UsageError("nothing was changed") from e
                continue
            return {
                TaskId(page.id): changes_between(page.sheet, wanted[page.id])
                for page in pages
                if page.id in wanted
            }

    def _goes_on(self) -> bool:
        if not sys.stdin.isatty():
            return False
        self._screen.say("edit it again? [Y/n]")
        return sys.stdin.readline().strip().lower() in ("", "y", "yes")

    def _keep(self, draft: Draft) -> None:
        if draft.is_changed:
            self._screen.say(f"what you wrote is kept in {draft.path}")
        else:
            draft.discard()
