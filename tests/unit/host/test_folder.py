"""Hosts read their own copy of the program, for any Python that tasks may have."""

import ast
from pathlib import Path

from rq_agent.worker.sdk_folder import host_path


def test_the_program_of_hosts_is_copied_with_all_of_its_files(tmp_path: Path) -> None:
    program = host_path(tmp_path)

    assert program.name == "run.py"
    here = Path(__file__).parents[3] / "worker" / "host"
    copied = {path.name for path in program.parent.glob("*.py")}
    assert copied == {path.name for path in here.glob("*.py")}


def test_all_of_its_files_are_readable_for_python_3_9(tmp_path: Path) -> None:
    folder = host_path(tmp_path).parent.parent

    for path in folder.rglob("*.py"):
        ast.parse(path.read_text(), feature_version=(3, 9))
