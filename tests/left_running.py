"""Programs outlive their workers: whatever a test leaves running below its folder is ended here."""

from pathlib import Path

from rq_agent.worker.process import leftovers
from rq_agent.worker.process.handle import is_alive, recover


def end_programs(folder: Path) -> None:
    """Kill the programs whose run folders lie below a folder, and all that they started."""
    for taken in {link.parent for link in folder.glob("**/workers/*/*/*/shim.*")}:
        found = recover(taken)
        if found is not None and is_alive(found):
            leftovers.kill(found)
