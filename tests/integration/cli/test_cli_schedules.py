"""schedule add, ls, show, pause, resume, run and rm."""

from .terminal import Terminal


def added(terminal: Terminal, *options: str, name: str = "nightly") -> None:
    terminal.script("import sys; print(sys.argv[1:])")
    terminal.text("schedule", "add", *options, name, "0 3 * * *", "script.py", "--full")


def test_a_schedule_is_added_listed_and_shown(terminal: Terminal) -> None:
    terminal.script("import sys; print(sys.argv[1:])")

    done = terminal(
        *("schedule", "add", "--tz", "Europe/Berlin", "--missed", "all", "-q", "night"),
        *("nightly", "0 3 * * *", "script.py", "--full"),
    )

    said = done.stderr.decode()
    assert (done.returncode, done.stdout) == (0, b"nightly\n"), said
    assert "At 03:00 every day (Europe/Berlin)" in said
    assert "rq-agent scheduler" in said
    [found] = terminal.json("schedule", "ls")["schedules"]
    assert (found["name"], found["queue"], found["missed"]) == ("nightly", "night", "all")
    assert (found["paused"], found["task_name"], found["fired"]) == (False, "script.py", 0)
    assert "nightly" in terminal.text("schedule", "ls")
    assert "in words      At 03:00 every day" in terminal.text("schedule", "show", "nightly")
    assert terminal.json("schedule", "show", "nightly")["expression"] == "0 3 * * *"


def test_a_schedule_runs_now_as_it_was_signed(terminal: Terminal) -> None:
    added(terminal)

    task_id = terminal.text("schedule", "run", "nightly").strip()
    terminal("work", "--once")

    assert terminal.text("logs", task_id) == "['--full']\n"
    assert terminal.task(task_id)["labels"] == {"schedule": "nightly"}
    assert terminal.json("schedule", "run", "nightly")["schedule"] == "nightly"


def test_a_schedule_is_paused_resumed_replaced_and_removed(terminal: Terminal) -> None:
    added(terminal)

    assert terminal.text("schedule", "pause", "--reason", "holidays", "nightly") == (
        "nightly paused\n"
    )
    assert "paused (holidays)" in terminal.text("schedule", "ls")
    assert terminal.text("schedule", "pause", "nightly") == "nightly was paused before\n"
    assert terminal.text("schedule", "resume", "nightly") == "nightly resumed\n"
    assert terminal.text("schedule", "resume", "nightly") == "nightly was not paused\n"
    taken = terminal("schedule", "add", "nightly", "0 4 * * *", "script.py")
    assert (taken.returncode, b"--replace" in taken.stderr) == (2, True)
    terminal.text("schedule", "add", "--replace", "nightly", "0 4 * * *", "script.py")
    assert terminal.json("schedule", "show", "nightly")["expression"] == "0 4 * * *"
    assert terminal.text("schedule", "rm", "nightly") == "nightly removed\n"
    assert terminal.json("schedule", "ls")["schedules"] == []


def test_what_makes_no_sense_ends_with_two_and_starts_nothing(terminal: Terminal) -> None:
    terminal.script("")
    for arguments, words in (
        (("nightly", "0 0 31 2 *", "script.py"), "no date fits"),
        (("nightly", "@daily", "script.py"), "0 0 * * *"),
        (("--tz", "Europe/Berln", "nightly", "0 3 * * *", "script.py"), "did you mean Europe/Be"),
        (("--missed", "maybe", "nightly", "0 3 * * *", "script.py"), "say skip, once, all"),
        (("a b", "0 3 * * *", "script.py"), "is not a name"),
        (("--delay", "5s", "nightly", "0 3 * * *", "script.py"), "can't have a delay"),
        (("nightly", "0 3 * * *", "nothing.py"), "nothing.py"),
        (("nightly", "0 3 * * *", "--tz", "UTC", "script.py"), "write options before NAME"),
    ):
        done = terminal("schedule", "add", *arguments)
        assert (done.returncode, done.stdout) == (2, b""), done.stderr
        assert words in done.stderr.decode()
    assert terminal.text("schedule", "ls") == ""
    assert not (terminal.home / "data").exists()


def test_names_that_no_schedule_has_end_with_three_and_change_nothing(terminal: Terminal) -> None:
    nowhere = terminal("schedule", "show", "nightly")
    added(terminal)

    near = terminal("schedule", "rm", "nightly", "nightli")

    assert (nowhere.returncode, near.returncode) == (3, 3)
    assert b"did you mean nightly" in near.stderr
    assert len(terminal.json("schedule", "ls")["schedules"]) == 1
    for verb in ("pause", "resume", "run"):
        assert terminal("schedule", verb, "x").returncode == 3
