"""Streams that are closed, full, or hold what is no text; these need processes of their own."""

import subprocess
import sys
from pathlib import Path

import pytest

from rq_agent.cli.main import main

LONG = 1_000_000 * "9"
PROGRAM = f"{sys.executable} -m rq_agent.cli"


def ran(line: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a line of the shell in which rq-agent is written as $R."""
    shell = ["/bin/bash", "-c", line.replace("$R", PROGRAM)]
    return subprocess.run(shell, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize(
    "line", ["version", "version --json", "--version", "--help", "ps --help", "ps --columns help"]
)
def test_a_full_disk_behind_stdout_is_one_line_and_a_failure(line: str) -> None:
    done = ran(f"$R {line} > /dev/full")

    assert done.returncode == 1
    assert done.stderr == b"rq-agent: No space left on device\n"


@pytest.mark.parametrize(("line", "code"), [("version", 0), ("frobnicate", 2), ("ps --limit 0", 2)])
def test_a_full_disk_behind_stderr_changes_no_code(line: str, code: int) -> None:
    assert ran(f"$R {line} 2> /dev/full").returncode == code


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(("line", "code"), [("version", 0), ("ps --help", 0), ("ps --limit 0", 2)])
def test_a_closed_stream_is_no_error(line: str, code: int, closed: str) -> None:
    done = ran(f"$R {line} {closed}")

    assert done.returncode == code
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("line", ["context add x -", "key add -"])
@pytest.mark.parametrize("given", ["<&-", "< /dev/null", r"< <(printf 'redis://\xff\xfe')"])
def test_nothing_or_no_text_on_stdin_is_refused(line: str, given: str, place: Path) -> None:
    done = ran(f"$R {line} {given}")

    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.startswith(b"rq-agent: ")
    assert done.stderr.count(b"\n") == 1
    assert not (place / "home" / "config" / "contexts").exists()


@pytest.mark.parametrize(
    "line", ["version", "--help", "ps --columns help", "schedule explain '0 3 * * *'"]
)
def test_a_reader_that_goes_away_is_no_error_to_talk_about(line: str) -> None:
    assert ran(f"$R {line} | true").stderr == b""
    assert ran(f"$R {line} | head -c 1 > /dev/null").stderr == b""


@pytest.mark.parametrize(
    "arguments",
    [
        [LONG],
        [f"--{LONG}"],
        ["submit", LONG],
        ["submit", "--queue", LONG, "s.py"],
        ["submit", "--timeout", LONG, "s.py"],
        ["ps", "--state", LONG],
        ["ps", "--redis", f"redis://{LONG}"],
        ["context", "use", LONG],
        ["cancel", LONG],
        ["work", "--hours", LONG],
        ["schedule", "explain", LONG],
        ["logs", "x", "--grep", f"({LONG}"],
        ["edit", "x", "--set", LONG],
        ["join", LONG],
        ["key", "add", LONG],
        ["invite", LONG],
    ],
    ids=lambda arguments: " ".join(arguments)[:20],
)
@pytest.mark.usefixtures("nothing_starts")
def test_a_very_long_argument_is_not_repeated(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) in (2, 3, 5)

    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err) < 4_000


def test_a_long_line_of_an_error_keeps_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "--limit", LONG]) == 2

    said = capsys.readouterr().err
    assert len(said) < 2_000
    assert said.endswith(": write a whole number from 1 to 100000\n")
