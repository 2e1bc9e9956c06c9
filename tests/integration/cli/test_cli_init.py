"""`rq-agent init`: as a wizard on a terminal, and with options alone."""

import stat
from pathlib import Path

import pytest

from ...servers import Servers
from .pseudo import Pseudo
from .terminal import Terminal

SECRET = "redis://lab:s3cret@gpu.lab:6379/0"


def config_of(terminal: Terminal) -> Path:
    return terminal.home / "config"


def written(terminal: Terminal) -> dict[str, str]:
    """Return all that stands in the folder of the configuration."""
    files = [p for p in config_of(terminal).rglob("*") if p.is_file()]
    return {p.name: p.read_text() for p in files}


def answer(wizard: Pseudo, *steps: tuple[str, str]) -> int:
    """Answer questions, each after it was asked; return the exit code."""
    for question, words in steps:
        wizard.until(question)
        wizard.forget()
        wizard.type(f"{words}\n")
    return wizard.end()


def test_nobody_to_ask_is_told_which_options_say_it(terminal: Terminal) -> None:
    done = terminal.fed("", "init")

    assert (done.returncode, done.stdout) == (2, b"")
    for option in (b"--yes", b"--server", b"--namespace", b"--queue"):
        assert option in done.stderr
    assert not config_of(terminal).exists()


def test_who_agrees_to_all_gets_what_is_there_already(terminal: Terminal) -> None:
    wizard = Pseudo(terminal, "init")

    assert answer(wizard, ("Server [embedded]: ", ""), ("Queue [default]: ", "")) == 0
    assert "nothing has to be written" in wizard.plain
    assert not config_of(terminal).exists()


def test_a_queue_is_written_after_it_was_shown_and_submit_uses_it(terminal: Terminal) -> None:
    wizard = Pseudo(terminal, "init")

    steps = (("Server", ""), ("Queue [default]: ", "gpu"), ('[submit] queue = "gpu"', ""))
    assert answer(wizard, *steps) == 0
    assert written(terminal) == {"config.toml": '[submit]\nqueue = "gpu"\n'}
    assert stat.S_IMODE((config_of(terminal) / "config.toml").stat().st_mode) == 0o600

    terminal.text("submit", terminal.script("print(1)"))
    assert terminal.task()["queue"] == "gpu"
    terminal.text("submit", "--queue", "other", "script.py")
    assert terminal.task()["queue"] == "other"


def test_who_says_no_at_the_end_finds_all_as_it_was(terminal: Terminal) -> None:
    wizard = Pseudo(terminal, "init")

    steps = (("Server", ""), ("Queue", "gpu"), ("Write this? [Y/n]", "n"))
    assert answer(wizard, *steps) == 1
    assert "nothing was written" in wizard.plain
    assert not config_of(terminal).exists()


def test_a_break_in_between_leaves_all_as_it_was(terminal: Terminal) -> None:
    wizard = Pseudo(terminal, "init")
    wizard.until("Server [embedded]: ")

    assert wizard.interrupt() == 130
    assert not config_of(terminal).exists()


def test_the_end_of_the_answers_is_told(terminal: Terminal) -> None:
    wizard = Pseudo(terminal, "init")
    wizard.until("Server [embedded]: ")
    wizard.type("\x04")

    assert wizard.end() == 2
    assert "the answers ended early" in wizard.plain
    assert "Traceback" not in wizard.plain


def test_an_answer_that_makes_no_sense_is_asked_for_again(terminal: Terminal) -> None:
    wizard = Pseudo(terminal, "init")

    steps = (
        ("Server [embedded]: ", "localhost"),
        ("has no ://", SECRET),
        ("there is a password in the URL", "embedded"),
        ("Queue [default]: ", "a b"),
        ("is not a name", "gpu"),
        ("Write this", "y"),
    )
    assert answer(wizard, *steps) == 0
    assert written(terminal) == {"config.toml": '[submit]\nqueue = "gpu"\n'}


def test_a_password_is_asked_for_unseen_and_stands_in_its_context_only(terminal: Terminal) -> None:
    with Servers() as servers:
        socket = servers.socket("redis", options=["--requirepass", "s3cret"])
        wizard = Pseudo(terminal, "init")
        steps = (
            ("Server [embedded]: ", f"unix://default@{socket}"),
            ("Password for it", "s3cret"),
            ("Namespace in it [default]: ", "vision"),
            ("ok redis", ""),
            ("Write this", ""),
        )
        code = answer(wizard, *steps)

        assert code == 0
        assert "s3cret" not in wizard.plain
        shown = terminal.json("config", "show")["settings"]
        assert shown["namespace"]["value"] == "vision"
        assert terminal("ps").returncode == 0
    files = written(terminal)
    [name] = [name for name, text in files.items() if "s3cret" in text]
    assert files["current-context"] == f"{Path(name).stem}\n"
    assert "config.toml" not in files


def test_a_server_that_does_not_answer_is_told_before_it_is_kept(terminal: Terminal) -> None:
    wizard = Pseudo(terminal, "init")

    steps = (
        ("Server [embedded]: ", "unix:///nowhere/s"),
        ("Password for it", ""),
        ("Namespace in it", ""),
        ("Take it all the same? [y/N]", ""),
        ("Server [embedded]: ", ""),
        ("Queue [default]: ", ""),
    )
    assert answer(wizard, *steps) == 0
    assert not config_of(terminal).exists()


def test_once_more_it_begins_with_what_is_set(terminal: Terminal) -> None:
    terminal.fed(f"{SECRET}\n", "init", "--yes", "--server", "-", "--queue", "gpu")
    before = written(terminal)
    wizard = Pseudo(terminal, "init")

    steps = (("Server [redis://lab:***@gpu.lab:6379/0]: ", ""), ("Queue [gpu]: ", ""))
    assert answer(wizard, *steps) == 0
    assert "nothing has to be written" in wizard.plain
    assert written(terminal) == before


def test_options_alone_set_a_server_and_no_secret_is_printed(terminal: Terminal) -> None:
    options = ["--yes", "--server", "-", "--namespace", "vision", "--queue", "gpu", "--json"]
    done = terminal.fed(f"{SECRET}\n", "init", *options)

    assert done.returncode == 0, done.stderr
    assert b'"server":"redis://lab:***@gpu.lab:6379/0"' in done.stdout
    assert b"s3cret" not in done.stdout + done.stderr
    shown = terminal.json("config", "show")["settings"]
    values = {name: shown[name]["value"] for name in ("context", "namespace", "queue")}
    assert values == {"context": "gpu", "namespace": "vision", "queue": "gpu"}


def test_the_same_server_keeps_its_context_and_another_one_of_its_host_gets_its_own(
    terminal: Terminal,
) -> None:
    for url in (SECRET, SECRET.replace("s3cret", "other"), "redis://gpu.lab:6380/0"):
        assert terminal.fed(f"{url}\n", "init", "--yes", "--server", "-").returncode == 0

    listed = terminal.json("context", "ls")["contexts"]
    assert [(c["name"], c["server"]) for c in listed[1:]] == [
        ("gpu", "redis://lab:***@gpu.lab:6379/0"),
        ("gpu-2", "redis://gpu.lab:6380/0"),
    ]
    assert "other" in written(terminal)["gpu.toml"]


def test_embedded_leaves_the_server_of_before_but_keeps_its_context(terminal: Terminal) -> None:
    terminal.text("init", "--yes", "--server", "redis://gpu.lab:6379/0")

    terminal.text("init", "--yes", "--server", "embedded")

    listed = terminal.json("context", "ls")["contexts"]
    assert [(c["name"], c["is_current"]) for c in listed] == [("local", True), ("gpu", False)]


def test_what_it_does_not_know_in_config_toml_stays_as_it_is(terminal: Terminal) -> None:
    config = config_of(terminal)
    config.mkdir()
    before = "# mine\n[archive]\nlocation = '/data/a'  # big disk\n\n[redis]\nstrict = true\n"
    (config / "config.toml").write_text(before)

    terminal.text("init", "--yes", "--queue", "gpu", "--namespace", "vision")

    after = (config / "config.toml").read_text()
    assert after == f'{before}namespace = "vision"\n\n[submit]\nqueue = "gpu"\n'


def test_a_broken_config_toml_is_not_touched(terminal: Terminal) -> None:
    config = config_of(terminal)
    config.mkdir()
    (config / "config.toml").write_text("[redis\n")

    done = terminal("init", "--yes", "--queue", "gpu")

    assert (done.returncode, b"line 1, column 7: is not TOML" in done.stderr) == (2, True)
    assert (config / "config.toml").read_text() == "[redis\n"


def test_a_stale_current_context_is_what_it_repairs(terminal: Terminal) -> None:
    terminal.text("init", "--yes", "--server", "redis://gpu.lab:6379/0")
    (config_of(terminal) / "contexts" / "gpu.toml").unlink()
    assert terminal("ps").returncode == 2

    terminal.text("init", "--yes", "--server", "embedded")

    assert terminal("ps").returncode == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--server", "localhost"], "has no ://"),
        (["--server", SECRET], "rq-agent init --server -"),
        (["--server", "rqa+tls://x"], "link"),
        (["--queue", "a b"], "is not a name"),
        (["--redis", "redis://x"], "say --server"),
        (["--context", "local"], "say --server"),
        (["--namespace", "a b"], "namespace 'a b'"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    terminal: Terminal, options: list[str], words: str
) -> None:
    done = terminal("init", "--yes", *options)

    assert (done.returncode, done.stdout) == (2, b"")
    assert words in done.stderr.decode()
    assert b"s3cret" not in done.stderr
    assert not config_of(terminal).exists()
