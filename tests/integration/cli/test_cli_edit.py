"""edit: tasks that have not begun are changed where they stand, by options or in an editor."""

import os
import shlex
import sys
from pathlib import Path

import pytest

from .terminal import Terminal


@pytest.fixture
def script(terminal: Terminal) -> str:
    return terminal.script("print('hi')", "train.py")


class Editor:
    """Somebody's editor: keeps what it was shown, and runs a line of Python on the text."""

    def __init__(self, folder: Path) -> None:
        self.shown = folder / "shown.toml"
        self._program = folder / "editor.py"

    def __call__(self, change: str) -> str:
        """Return a command for EDITOR that makes `text` another one."""
        self._program.write_text(
            "import pathlib, sys\n"
            "path = pathlib.Path(sys.argv[1])\n"
            "text = path.read_text()\n"
            f"pathlib.Path({str(self.shown)!r}).write_text(text)\n"
            f"{change}\n"
            "path.write_text(text)\n"
        )
        return shlex.join([sys.executable, str(self._program)])


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    return Editor(tmp_path)


def kept(terminal: Terminal) -> list[Path]:
    """Return the documents that were kept."""
    return sorted((terminal.home / "data" / "edits").glob("*"))


def test_a_queued_task_is_changed_by_options(terminal: Terminal, script: str) -> None:
    first, second = [terminal.text("submit", "--set", "lr=1", script).strip() for _ in range(2)]

    told = terminal.text(
        *("edit", second, "--set", "lr=2", "--timeout", "5m", "--gpus", "1"),
        *("-n", "other", "-l", "team=x"),
    )

    assert told == f"{second} edited\n"
    task = terminal.task(second)
    assert (task["params"], task["timeout_s"], task["needs"]["gpus"]) == ({"lr": "2"}, 300, 1)
    assert (task["name"], task["labels"], task["position"]) == ("other", {"team": "x"}, 2)
    assert terminal.text("edit", second, "--set", "lr=2") == f"{second} is so already\n"
    terminal.text("cancel", first)
    refused = terminal("edit", first, "--set", "lr=2")
    assert refused.returncode == 1
    assert f"task {first}: has ended (cancelled); reset it first" in refused.stderr.decode()


def test_all_tasks_of_a_filter_are_changed(terminal: Terminal, script: str) -> None:
    ids = [terminal.text("submit", "-q", "a", script).strip() for _ in range(3)]
    other = terminal.text("submit", "-q", "b", script).strip()

    assert terminal.text("edit", "--where", "queue=a", "-q", "c", "--set", "x=1", "-y") == (
        "3 edited\n"
    )

    assert {terminal.task(each)["queue"] for each in ids} == {"c"}
    assert terminal.task(other)["queue"] == "b"


def test_several_tasks_are_changed_in_one_document(
    terminal: Terminal, script: str, editor: Editor
) -> None:
    ids = [terminal.text("submit", "--set", "lr=1", script).strip() for _ in range(3)]
    change = (
        "text = text.replace('lr = \"1\"', 'lr = 0.50', 1).replace('priority = 0', 'priority = 5')"
    )

    done = terminal("edit", *ids[:2], EDITOR=editor(change))

    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        f"{ids[0]} edited: priority, params.lr",
        f"{ids[1]} edited: priority",
    ]
    shown = editor.shown.read_text()
    assert f'id = "{ids[0]}" # queued, position 1' in shown
    assert ids[2] not in shown
    assert [terminal.task(each)["params"]["lr"] for each in ids] == ["0.50", "1", "1"]
    assert kept(terminal) == []


def test_nothing_changed_is_said(terminal: Terminal, script: str, editor: Editor) -> None:
    terminal.text("submit", script)

    for change in ("", "text = ''"):
        done = terminal("edit", "last", EDITOR=editor(change))
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"nothing was changed\n")
    assert kept(terminal) == []


def test_a_slip_is_told_with_its_place_and_the_text_is_kept(
    terminal: Terminal, script: str, editor: Editor
) -> None:
    task_id = terminal.text("submit", "--set", "lr=1", script).strip()

    done = terminal("edit", "last", EDITOR=editor("text = text.replace('lr = ', 'lr = = ')"))

    assert (done.returncode, done.stdout) == (2, b"")
    [path] = kept(terminal)
    assert f"{path.name}, line 20, column 6: is not TOML" in done.stderr.decode()
    assert f"what you wrote is kept in {path}" in done.stderr.decode()
    assert 'lr = = "1"' in path.read_text()
    assert (os.stat(path).st_mode & 0o777, os.stat(path.parent).st_mode & 0o777) == (0o600, 0o700)
    assert terminal.task(task_id)["params"] == {"lr": "1"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("sys.exit(3)", "ended with code 3; nothing was changed"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9; nothing was changed"),
    ],
)
def test_an_editor_that_fails_changes_nothing(
    terminal: Terminal, script: str, editor: Editor, change: str, words: str
) -> None:
    terminal.text("submit", "--set", "lr=1", script)

    done = terminal("edit", "last", EDITOR=editor(change))

    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert kept(terminal) == []


def test_without_an_editor_it_says_what_else_there_is(terminal: Terminal, script: str) -> None:
    terminal.text("submit", script)

    nobody = terminal("edit", "last", EDITOR="", VISUAL="")
    assert nobody.returncode == 2
    assert b"say what to change by options, like --set lr=0.1" in nobody.stderr
    missing = terminal("edit", "last", VISUAL="/no/such/editor -w", EDITOR="true")
    assert missing.returncode == 2
    assert b"the editor /no/such/editor can't be started" in missing.stderr


def test_a_task_that_ended_meanwhile_is_reported_and_the_others_are_changed(
    terminal: Terminal, script: str, editor: Editor
) -> None:
    ids = [terminal.text("submit", "--set", "lr=1", script).strip() for _ in range(2)]
    cancel = shlex.join([sys.executable, "-m", "rq_agent.cli", "cancel", ids[0]])
    change = f"import os; os.system({cancel!r}); text = text.replace('lr = \"1\"', 'lr = 2')"

    done = terminal("edit", *ids, EDITOR=editor(change))

    assert done.returncode == 1
    assert f"task {ids[0]}: has ended (cancelled)" in done.stderr.decode()
    assert f"{ids[1]} edited: params.lr\n" in done.stdout.decode()
    assert terminal.task(ids[1])["params"] == {"lr": "2"}
    assert len(kept(terminal)) == 1


def test_a_rerun_is_changed_in_an_editor_before_it_is_added(
    terminal: Terminal, script: str, editor: Editor
) -> None:
    task_id = terminal.text("submit", "--set", "lr=1", "--set", "n=1", script, "--flag").strip()
    change = (
        "assert 'n = \"2\"' in text; "
        "text = text.replace('lr = \"1\"\\n', '').replace('\"--flag\"', '\"--other\", 5')"
    )

    done = terminal("rerun", "last", "--set", "n=2", "--edit", EDITOR=editor(change))

    assert done.returncode == 0, done.stderr
    made = terminal.task(done.stdout.decode().strip())
    assert (made["id"] != task_id, made["params"], made["state"]) == (True, {"n": "2"}, "queued")
    left = terminal("rerun", "last", "--edit", EDITOR=editor("text = ''"))
    assert (left.returncode, left.stdout, left.stderr) == (0, b"", b"nothing was added\n")
