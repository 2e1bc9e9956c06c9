"""How some wrong invocations are answered, word for word, and what is no error at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from rq_agent.cli.main import main

from .row import NOBODY


def test_a_near_name_stands_in_a_hint_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    main(["submit", "--gpu", "1", "s.py"])

    assert capsys.readouterr().err.splitlines() == [
        "rq-agent: no such option: --gpu",
        "hint: did you mean --gpus or --cpus?",
        "hint: see rq-agent submit --help",
    ]


def test_a_script_that_cannot_be_read_is_named(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "code" / "link.py").symlink_to("nowhere.py")

    assert main(["submit", "link.py"]) == 2
    assert "link to a file that does not exist" in capsys.readouterr().err


def test_a_home_without_room_for_a_key_is_one_line(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "home").mkdir()
    (place / "home" / "config").write_text("a file, not a folder", "utf-8")

    assert main(["submit", "s.py"]) != 0
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "config" in said.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ps", "no tasks yet: nothing was ever submitted here"),
        ("queue ls", "no tasks yet"),
        ("worker ls", "no live workers"),
        ("down", "nothing runs"),
    ],
)
def test_looking_where_nothing_was_submitted_is_no_error_and_starts_nothing(
    line: str, words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line.split()) == 0

    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert not (place / "home" / "data").exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ps --json", b'{"schema":1,"tasks":[]}\n'),
        ("queue ls --json", b'{"schema":1,"queues":[]}\n'),
        ("--json worker ls", b'{"schema":1,"workers":[],"sub_workers":[]}\n'),
        ("down --json", b'{"schema":1,"workers":[],"up_stopped":false,"server_stopped":false}\n'),
    ],
)
def test_json_is_an_empty_list_where_nothing_was_submitted(
    line: str, expected: bytes, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(line.split()) == 0

    assert capfdbinary.readouterr().out == expected


@pytest.mark.parametrize(
    ("arguments", "hinted"),
    [
        (["--gpus", "1"], ["--gpus"]),
        (["--gpus=1", "--queue", "x"], ["--gpus", "--queue"]),
        (["--its-own"], []),
        (["--", "--gpus"], []),
        (["--name", "x"], []),  # the script has that one itself
        (["-q", "high"], ["-q"]),
        (["-n", "3", "-v"], []),  # as well; and -v is anybody's
    ],
)
def test_an_option_of_ours_behind_the_script_gets_a_hint_unless_the_script_names_it(
    arguments: list[str], hinted: list[str], place: Path
) -> None:
    from rq_agent.cli.submitting import misplaced

    script = place / "code" / "own.py"
    script.write_text('parser.add_argument("-n", "--name")  # xx-quick\n', "utf-8")

    assert misplaced(script, arguments) == hinted


def test_verbose_adds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "-v", "--redis", NOBODY]) == 5

    assert "Traceback" in capsys.readouterr().err


def test_a_real_process_ends_with_the_same_code_and_words(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rq_agent.cli", "submit", "missing.py"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == "rq-agent: script not found: missing.py\n"


def test_a_reader_that_goes_away_is_no_error_to_talk_about(place: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m rq_agent.cli version | true",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""


def test_a_terminal_that_knows_ascii_only_gets_no_error(place: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rq_agent.cli", "submit", "é….py"],
        capture_output=True,
        check=False,
        env={"PATH": "/usr/bin", "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )

    assert done.returncode == 2
    assert done.stderr.isascii()
    assert b"script not found" in done.stderr
