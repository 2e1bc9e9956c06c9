"""The password of the embedded server is in one file, and nowhere else that anybody could look."""

import os
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from ..cli.terminal import Terminal, until_line

COMMANDS = (
    *("ps", "ps --json", "queue ls", "worker ls", "show last", "logs last"),
    *("doctor", "config show", "config show --json", "context ls", "context show local"),
    *("show nothing", "events"),
)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    (tmp_path / "cache").mkdir()
    terminal = Terminal(tmp_path, tmp_path / "cache")
    yield terminal
    terminal.close()


def test_no_command_shows_it_and_no_process_has_it_in_its_arguments(terminal: Terminal) -> None:
    work = terminal.start("work", "--gpus", "none", "--verbose")
    said = until_line(work, b"ready", of_stderr=True)
    password = (terminal.home / "data" / "local.password").read_bytes().strip()
    task_id = terminal.text("submit", terminal.script("import os; print(dict(os.environ))")).strip()
    assert terminal("wait", task_id).returncode == 0

    for command in COMMANDS:
        done = terminal(*command.split(), "--verbose")
        said += done.stdout + done.stderr

    assert len(password) == 64
    assert password not in said
    for process in psutil.process_iter():
        try:
            arguments = b"\0".join(map(os.fsencode, process.cmdline()))
        except psutil.Error:
            continue
        assert password not in arguments, process
    written = [path for path in terminal.home.rglob("*") if path.is_file()]
    assert [path.name for path in written if password in path.read_bytes()] == ["local.password"]
