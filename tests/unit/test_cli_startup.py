"""Every command starts fast: heavy packages are imported by what needs them, when it does."""

import subprocess
import sys

import pytest

from rq_agent import __version__

HEAVY = [
    "anyio",
    "asyncio",
    "cryptography",
    "msgspec",
    "psutil",
    "pydantic",
    "redis",
    "rich",
    "uvloop",
]
LIST_HEAVY = f"""
import sys
from rq_agent.cli.main import main
code = main(sys.argv[1:])
sys.exit("imported: " + " ".join(m for m in {HEAVY} if m in sys.modules) if code == 0 else code)
"""


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["--version"], ["submit", "--help"], ["work", "--help"], ["queue", "ls", "-h"]],
)
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIST_HEAVY, *arguments], capture_output=True, text=True, check=False
    )

    assert done.stderr == "imported: \n"
    assert done.stdout


def test_building_the_commands_imports_nothing_heavy() -> None:
    script = f"""
import sys
from rq_agent.cli.app import build
build()
print([m for m in {HEAVY} if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout == b"[]\n"


def test_plain_values_are_parsed_without_typers_own_conversion() -> None:
    script = """
import sys
from rq_agent.cli.main import main
code = main(["ps", "--limit", "x", "--state", "running", "--json", "-l", "a=b"])
print(code, "pydantic" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert done.stdout == b"2 False\n"


def test_it_runs_as_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rq_agent.cli", "--version"], capture_output=True, check=True
    )

    assert done.stdout.decode() == f"rq-agent {__version__}\n"
