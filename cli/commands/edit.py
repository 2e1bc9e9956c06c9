"""`rq-agent edit`."""

from ..change_options import ChangeOptions
from ..filter_options import Tasks, WhereOptions
from ..options import Common


def edit(common: Common, which: WhereOptions, options: ChangeOptions, tasks: Tasks = None) -> int:
    """Change tasks that have not begun: by options, or else in your editor.

    Queue, priority, name and labels need no signature. Everything else is signed anew by you, if a
    key in your own trust file signed it before. A task that waits keeps its id, its place and its
    unique key. The editor is $VISUAL or $EDITOR.
    """
    from .. import config
    from ..editing import edit_tasks
    from ..render.screen import Screen

    settings = config.load(common)
    return edit_tasks(
        settings, Screen(settings), tasks or (), which, options, environ=config.variables()
    )
