"""Whatever the terminal and the locale are, looking at tasks works and reads well."""

from collections.abc import Sequence

import anyio.to_thread
import pytest
from rich.cells import cell_len

from rq_agent.broker.namespace import Namespace

from ...scripts.steps import add, finish, running
from .pseudo import Pseudo
from .terminal import Terminal
from .test_cli_logs import write

NAME = "訓練-モデル.py"
LOOKS = (
    ("ps",),
    ("ps", "--columns", "+labels,reason"),
    ("show", NAME),
    ("logs", NAME),
    ("events",),
    ("why", NAME),
    ("diff", NAME, "other"),
    ("diff", NAME, "other", "--all"),
)
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.fixture
async def some(lab: Namespace) -> None:
    """Tasks with a name in another alphabet, a long reason, and a log with Windows line ends."""
    claim = await running(lab, name=NAME, labels={"team": "視覚"}, user="ann")
    await write(lab, claim, "損失 1\r\n損失 2\r\n".encode())
    await finish(lab, claim, "failed", exit_code=3, reason="exit 3: " + "多すぎる " * 10)
    await add(lab, name="other")


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
async def test_in_an_ascii_locale_nothing_breaks(
    terminal: Terminal, some: None, words: Sequence[str]
) -> None:
    done = terminal(*words, **ASCII)

    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("words", LOOKS, ids=" ".join)
async def test_without_colour_there_is_none_on_a_narrow_terminal(
    terminal: Terminal, some: None, words: Sequence[str]
) -> None:
    terminal.environ["NO_COLOR"] = "1"

    shown = Pseudo(terminal, *words, columns=40)
    code = await anyio.to_thread.run_sync(shown.end)

    assert code == 0, shown.plain
    assert "\x1b[3" not in shown.seen
    if words[0] in ("show", "diff") or words == ("ps",):
        assert all(cell_len(line) <= 40 for line in shown.plain.splitlines()), shown.plain


async def test_windows_line_ends_of_a_log_stay_as_they_are(terminal: Terminal, some: None) -> None:
    done = terminal("logs", NAME)

    assert done.stdout == "損失 1\r\n損失 2\r\n".encode()
    assert terminal("logs", "-n", "1", NAME).stdout == "損失 2\r\n".encode()
