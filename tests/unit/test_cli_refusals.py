"""Wrong invocations: a code, words on stderr that say what is wrong, nothing on stdout."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from rq_agent.cli.main import main

NOBODY = "redis://127.0.0.1:1/0"
"""Port 1: nothing listens there."""

USAGE: list[tuple[str, str]] = [
    ("frobnicate", "no such command 'frobnicate'"),
    ("sumbit s.py", "did you mean submit"),
    ("queue lss", "did you mean ls"),
    ("--frobnicate", "no such option: --frobnicate"),
    ("submit", "missing argument 'SCRIPT'"),
    ("run", "missing argument 'SCRIPT'"),
    ("wait", "missing argument 'TASK...'"),
    ("logs", "missing argument 'TASK'"),
    ("cancel", "name tasks, or say which"),
    ("clone", "name tasks, or say which"),
    ("rerun --set lr=1", "name tasks, or say which"),
    ("edit --set lr=1", "name tasks, or say which"),
    ("edit last --where queue=q", "not both"),
    ("edit last --queue a:b", "queue 'a:b'"),
    ("edit last --set lr", "--set lr: write it as --set name=value"),
    ("edit last --cpus none", "--cpus none"),
    ("edit --where quue=q --set a=1", "did you mean queue"),
    ("rm", "name tasks, or say which"),
    ("schedule explain '0 3 * * mon-fry'", "its field day-of-week"),
    ("schedule explain '0 3 * * *' --tz Europe/Berln", "did you mean Europe/Berlin"),
    ("schedule explain '0 0 30 2 *'", "no date fits it"),
    ("schedule add n --tz UTC '0 3 * * *' s.py", "option --tz stands after NAME"),
    ("schedule add n '0 3 * * *' --tz UTC s.py", "option --tz stands after NAME"),
    ("schedule add n 0 3 '*' '*' '*' s.py", "put all of its fields into one pair of quotes"),
    ("move --where queue=q --top", "--top is for tasks that are named"),
    ("move -q a", "name tasks, or say which"),
    ("move last --where queue=q --top", "not both"),
    ("rm --failed --state dead", "--failed names states"),
    ("cancel last --force --grace 5s", "--force kills at once"),
    ("label last", "say which labels"),
    ("label last a=b a-", "both set and removed"),
    ("archive ls --limit 0", "--limit 0"),
    ("archive ls --state doen", "--state doen"),
    ("rerun --failed --resume last", "write the whole id"),
    ("rerun --failed --edit", "--edit is for tasks that are named"),
    ("reset --yes", "name tasks, or say which"),
    ("submit --at soon script.py", "--at soon"),
    ("worker drain", "name workers, or say which: --all, --label"),
    ("submit --gpu 1 s.py", "did you mean --gpus"),
    ("submit --queue", "requires an argument"),
    ("submit missing.py", "script not found: missing.py"),
    ("run missing.py", "script not found: missing.py"),
    ("submit .", "is a directory"),
    ("submit s.py/x", "script not found: s.py/x"),
    ("submit -q a:b s.py", "queue 'a:b'"),
    ("submit -q {x} s.py", "queue '{x}'"),
    ("submit -p highest s.py", "low, normal, high"),
    ("submit -p 128 s.py", "-128 to 127"),
    ("submit --gpus -1 s.py", "--gpus -1"),
    ("submit --gpus many s.py", "--gpus many"),
    ("submit --cpus 0 s.py", "--cpus 0"),
    ("submit --mem 32 s.py", "--mem 32: write a size with its unit"),
    ("submit --set lr s.py", "--set lr: write it as --set name=value"),
    ("submit --set lr=1 --set lr=2 s.py", "--set lr is given twice"),
    ("submit -l =x s.py", "--label =x"),
    ("submit -l a/b=x s.py", "label 'a/b'"),
    ("submit --env NOT_SET_HERE s.py", "NOT_SET_HERE: the variable is not set here"),
    ("submit --env A-B=1 s.py", "--env A-B: not the name"),
    ("submit --timeout soon s.py", "--timeout soon: write a time"),
    ("submit --grace -1s s.py", "--grace -1s"),
    ("submit --delay 1x s.py", "--delay 1x"),
    ("submit --queue-timeout x s.py", "--queue-timeout x"),
    ("submit --snapshot-limit 5 s.py", "--snapshot-limit 5"),
    ("submit -r none.txt s.py", "--requirements none.txt: no such file"),
    ("submit --redis localhost:6379 s.py", "no ://"),
    ("submit --redis reddis://h s.py", "did you mean redis://"),
    ("submit --redis redis://u:s3cret@h:x s.py", "port of the Redis URL"),
    ("submit --namespace a:b s.py", "namespace 'a:b'"),
    ("ps --state runing", "did you mean running"),
    ("ps --limit 0", "--limit 0"),
    ("logs last --stream both", "--stream both: say out, err or sys"),
    ("logs last --tail x", "--tail x"),
    ("wait last --timeout x", "--timeout x"),
    ("cancel last --grace x", "--grace x"),
    ("work --queues a,a", "--queues names a twice"),
    ("work --queues a,", "--queues"),
    ("work --queues a:b", "queue 'a:b'"),
    ("work --queues a,b --mode weighted:1", "needs 2 weights"),
    ("work --queues a --mode weighted:x", "needs 1 weights"),
    ("work --queues a --mode weighted:0", "a weight is above 0"),
    ("work --mode random", "mode 'random' is not known"),
    ("work --slots x", "--slots x"),
    ("work --gpus GPU", "--gpus GPU"),
    ("work --gpus 0,0", "names a GPU twice"),
    ("work --cpus none", "--cpus none"),
    ("work --mem 5", "--mem 5"),
    ("work --lease 1s", "--lease: at least 3s"),
    ("work --idle-timeout x", "--idle-timeout x"),
    ("work --max-tasks -1", "--max-tasks -1"),
    ("work --name a/b", "--name 'a/b'"),
]

OTHERS: list[tuple[int, str, str]] = [
    (3, "show last", "nothing was ever submitted here"),
    (3, "logs abc", "nothing was ever submitted here"),
    (3, "wait abc", "nothing was ever submitted here"),
    (3, "cancel abc", "nothing was ever submitted here"),
    (3, "worker drain box", "no live worker is named box"),
    (5, f"ps --redis {NOBODY}", "cannot reach redis at redis://127.0.0.1:1/0: connection refused"),
    (5, f"--redis {NOBODY} queue ls", "connection refused"),
    (5, f"submit --redis {NOBODY} s.py", "connection refused"),
    (5, f"run --redis {NOBODY} s.py", "connection refused"),
    (5, f"work --redis {NOBODY} --queues a", "connection refused"),
    (5, f"logs -f last --redis {NOBODY}", "connection refused"),
    (5, "ps --redis unix:///no/such/socket", "no such socket"),
    (5, "ps --redis redis://u:s3cret@127.0.0.1:1", "redis://u:***@127.0.0.1:1/0"),
]


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, and a folder with one script in it."""
    for name in ("RQ_AGENT_REDIS_URL", "RQ_AGENT_NAMESPACE", "RQ_AGENT_OUTPUT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RQ_AGENT_HOME", str(tmp_path / "home"))
    folder = tmp_path / "code"
    folder.mkdir()
    (folder / "s.py").write_text("print()\n", "utf-8")
    monkeypatch.chdir(folder)
    return tmp_path


@pytest.mark.parametrize(
    ("code", "line", "words"), [(2, *case) for case in USAGE] + OTHERS, ids=lambda v: str(v)
)
def test_a_wrong_invocation_says_what_is_wrong_and_starts_nothing(
    code: int, line: str, words: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(line)) == code

    said = capsys.readouterr()
    assert said.out == ""
    assert words.lower() in said.err.lower()
    assert said.err.startswith("rq-agent: ")
    assert "Traceback" not in said.err
    assert "s3cret" not in said.err
    assert not (place / "home" / "data").exists()  # no embedded server for what can't work


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
    assert not (place / "home").exists()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ps --json", b'{"schema":1,"tasks":[]}\n'),
        ("queue ls --json", b'{"schema":1,"queues":[]}\n'),
        ("--json worker ls", b'{"schema":1,"workers":[]}\n'),
        ("down --json", b'{"schema":1,"workers":[],"server_stopped":false}\n'),
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
    ],
)
def test_an_option_of_ours_behind_the_script_gets_a_hint_unless_the_script_names_it(
    arguments: list[str], hinted: list[str], place: Path
) -> None:
    from rq_agent.cli.submitting import misplaced

    script = place / "code" / "own.py"
    script.write_text('parser.add_argument("--name")\n', "utf-8")

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
