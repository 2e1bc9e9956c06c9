"""A place of its own for each wrong invocation, in which no server can be started."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

_STARTED = ("rq_agent", "valkey-server", "redis-server", "systemctl")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and a folder with a script and a function in it."""
    for name in [name for name in os.environ if name.startswith("RQ_AGENT")]:
        monkeypatch.delenv(name)
    for name in ("EDITOR", "VISUAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("RQ_AGENT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "s.py").write_text("print()\n", "utf-8")
    (folder / "f.py").write_text("def f(n: int): ...\n", "utf-8")
    monkeypatch.chdir(folder)
    return tmp_path


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test fail where a server, a worker or a unit would be started in its process."""
    begin = subprocess.Popen.__init__

    def checked(self: Any, args: Any, *rest: Any, **options: Any) -> None:
        assert not any(name in str(args) for name in _STARTED), f"it starts {args}"
        begin(self, args, *rest, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", checked)
