"""A person who types what a page shows, in a home and a folder of their own."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Final

from .compare import missing
from .page import Command, File, Step

COMMAND_S: Final = 90.0
_LOOK_EVERY_S: Final = 0.05


class Shell:
    """Runs the steps of one page. Whatever they start ends with it."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder / "code"
        self.home = folder / "home"
        self.folder.mkdir()
        self.home.mkdir()
        (self.home / "cache").symlink_to(cache)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("RQ_AGENT")}
        self._environ = inherited | {
            "RQ_AGENT_HOME": str(self.home),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NO_COLOR": "1",
            "COLUMNS": "120",
        }
        self._background: list[tuple[subprocess.Popen[str], threading.Thread]] = []

    def take(self, step: Step) -> str:
        """Do one step; return what is wrong with it, empty if nothing."""
        if isinstance(step, File):
            path = self.folder / step.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(step.text, "utf-8")
            return ""
        if not isinstance(step, Command):
            return ""
        problem = self._stay(step) if step.is_background else self._run(step)
        return f"line {step.line}: $ {step.text}\n{problem}" if problem else ""

    def _run(self, step: Command) -> str:
        process = self._start(step)
        try:
            printed, _ = process.communicate(timeout=COMMAND_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return f"did not end within {COMMAND_S:.0f} s"
        if process.returncode != step.exit_code:
            return f"exit code {process.returncode}, not {step.exit_code}:\n{printed}"
        return _difference(step, printed)

    def _stay(self, step: Command) -> str:
        process = self._start(step)
        printed: list[str] = []
        assert process.stdout is not None
        reader = threading.Thread(target=printed.extend, args=(process.stdout,))
        reader.start()
        self._background.append((process, reader))
        give_up = time.monotonic() + COMMAND_S
        while time.monotonic() < give_up and process.poll() is None:
            if not missing(step.shown, "".join(list(printed))):
                return ""
            time.sleep(_LOOK_EVERY_S)
        return _difference(step, "".join(list(printed)))

    def _start(self, step: Command) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", step.text],
            cwd=self.folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def close(self) -> None:
        """End what still runs, then the embedded server."""
        for process, _ in self._background:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process, reader in self._background:
            process.wait(COMMAND_S)
            reader.join()
            assert process.stdout is not None
            process.stdout.close()
        self._run(Command(line=0, text="rq-agent down --force", shown=()))


def _difference(step: Command, printed: str) -> str:
    if lost := missing(step.shown, printed):
        return "did not print:\n" + "\n".join(lost) + f"\nit printed:\n{printed}"
    return ""
