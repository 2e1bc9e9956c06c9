"""What stands above the view for a moment: a question, help, a whole log."""

from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Static

from ..render import words
from ..render.screen import printable
from .log_tail import LogTail

if TYPE_CHECKING:
    from ...broker.namespace import Namespace
    from ...broker.record import Record
    from ..patience import Patience

HELP: Final = """\
arrows      choose a task; its log is below
Tab         to the next pane
Enter       the whole log; Escape leaves it
/           show only tasks in which words are found
c           cancel the task; asks first
q  Ctrl-C   leave; whatever runs goes on

Any key closes this."""


class Question(ModalScreen[bool]):
    """Asks whether to cancel a task."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "yes"),
        Binding("n,escape", "answer(False)", "no"),
    ]

    def __init__(self, task: "Record") -> None:
        super().__init__()
        self._of = task

    def compose(self) -> ComposeResult:
        """Write the question."""
        what = printable(f"{self._of.id} {self._of.name} ({words.state(self._of)})")
        yield Static(f"Cancel {what}?\n\ny: yes   n: no", id="box", markup=False)

    def action_answer(self, answer: bool) -> None:
        """Close with an answer."""
        self.dismiss(answer)


class Help(ModalScreen[None]):
    """Tells the keys."""

    def compose(self) -> ComposeResult:
        """Write them."""
        yield Static(HELP, id="box", markup=False)

    def on_key(self) -> None:
        """Close."""
        self.dismiss()


class WholeLog(Screen[None]):
    """The log of one task, on all of the screen."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "back")]

    def __init__(self, task: "Record", blocking: "Namespace", patiently: "Patience") -> None:
        super().__init__()
        self._of = task
        self._log_tail = LogTail(blocking, patiently, id="whole")

    def compose(self) -> ComposeResult:
        """Make the log."""
        yield self._log_tail
        yield Footer()

    def on_mount(self) -> None:
        """Begin."""
        self._log_tail.show(self._of)
        self._log_tail.focus()

    def action_leave(self) -> None:
        """Close."""
        self.dismiss()
