"""submit and run: when a task starts, after which others, and beside which."""

import pytest

from .terminal import Terminal


@pytest.fixture
def script(terminal: Terminal) -> str:
    return terminal.script("print('hi')")


def test_a_draft_is_on_no_queue(terminal: Terminal, script: str) -> None:
    done = terminal("submit", "--draft", script)

    task_id = done.stdout.decode().strip()
    assert terminal.task(task_id)["state"] == "draft"
    assert f"rq-agent enqueue {task_id}" in done.stderr.decode()
    assert b"no worker" not in done.stderr
    refused = terminal("run", "--draft", script)
    assert refused.returncode == 2
    assert b"submit --draft" in refused.stderr


def test_a_task_waits_for_its_time(terminal: Terminal, script: str) -> None:
    task_id = terminal.text("submit", "--at", "2035-05-01T18:00Z", script).strip()

    assert terminal.task(task_id)["state"] == "delayed"
    past = terminal("submit", "--at", "2001-01-01", script)
    assert (past.returncode, past.stdout) == (2, b"")
    assert b"--at 2001-01-01: that is past" in past.stderr


def test_a_task_waits_for_another(terminal: Terminal, script: str) -> None:
    first = terminal.text("submit", script).strip()
    second = terminal.text("submit", "--after", f"{first}:any", script).strip()

    assert terminal.task(second)["state"] == "waiting"
    terminal("cancel", first)
    assert terminal.task(second)["state"] == "queued"
    skipped = terminal("submit", "--after", first, script)
    assert terminal.task()["state"] == "skipped"
    assert b", skipped" in skipped.stderr
    unknown = terminal("submit", "--after", "nobody", script)
    assert unknown.returncode == 3
    assert b"nobody" in unknown.stderr


def test_a_unique_key_is_held_returned_or_replaced(terminal: Terminal, script: str) -> None:
    first = terminal.text("submit", "--unique", "nightly", script).strip()

    refused = terminal("submit", "--unique", "nightly", script)
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert f"task {first}: has the unique key 'nightly' already" in refused.stderr.decode()

    same = terminal("submit", "--unique", "nightly", "--if-exists", "return", script)
    assert (same.returncode, same.stdout.decode().strip()) == (0, first)
    assert b"nothing was submitted" in same.stderr

    other = terminal.text("submit", "--unique", "nightly", "--if-exists", "replace", script)
    assert other.strip() != first
    assert terminal.task(first)["state"] == "cancelled"


@pytest.mark.parametrize(
    "option", [["--unique", "x" * 65], ["--concurrency-key", "a\nb"], ["--if-exists", "return"]]
)
def test_a_key_that_can_not_be_is_refused_before_any_work(
    terminal: Terminal, script: str, option: list[str]
) -> None:
    done = terminal("submit", *option, script)

    assert done.returncode == 2
    assert not (terminal.home / "data").exists()


def test_a_module_runs_as_by_python(terminal: Terminal) -> None:
    (terminal.code / "src" / "pkg").mkdir(parents=True)
    (terminal.code / "pyproject.toml").write_text("[project]\nname = 'p'\nversion = '1'\n")
    terminal.script("X = 5", "src/pkg/sibling.py")
    terminal.script(
        """
        import sys
        from .sibling import X
        print(X, __package__, sys.argv[1:])
        """,
        "src/pkg/main.py",
    )

    assert terminal.text("run", "-m", "pkg.main", "--a") == "5 pkg ['--a']\n"

    assert terminal.task()["name"] == "pkg.main"
    refused = terminal("submit", "-m", "pkg.mian")
    assert refused.returncode == 2
    assert b"did you mean pkg.main?" in refused.stderr


def test_a_script_with_line_ends_of_windows_runs(terminal: Terminal) -> None:
    (terminal.code / "script.py").write_bytes(
        b"# /// script\r\n# dependencies = []\r\n# ///\r\nprint('one')\r\nprint('two')\r\n"
    )

    assert terminal.text("run", "script.py") == "one\ntwo\n"


def test_a_queue_that_nobody_listens_to_is_answered_by_near_ones(
    terminal: Terminal, script: str
) -> None:
    terminal.text("submit", "-q", "gpu", script)

    done = terminal("submit", "-q", "gpuu", script)

    assert b"no worker listens there yet (did you mean queue gpu?)" in done.stderr
    assert b"rq-agent logs" not in done.stderr  # what comes next is for who looks at a terminal
