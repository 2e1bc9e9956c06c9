"""move."""

from .terminal import Terminal


def submit(terminal: Terminal, count: int, *options: str) -> list[str]:
    name = terminal.script("")
    return [terminal.text("submit", *options, name).strip() for _ in range(count)]


def line(terminal: Terminal, queue: str = "default") -> list[str]:
    """Return the queued tasks in their order."""
    tasks = terminal.json("ps", "-q", queue, "--state", "queued")["tasks"]
    return [task["id"] for task in sorted(tasks, key=lambda task: task["position"])]


def test_tasks_are_moved_and_it_says_where_they_stand_now(terminal: Terminal) -> None:
    a, b, c, d = submit(terminal, 4)

    assert terminal.text("move", c, d, "--top") == (
        f"{c} is now at position 1\n{d} is now at position 2\n"
    )
    assert line(terminal) == [c, d, a, b]
    assert terminal.text("move", d, "--before", c) == f"{d} is now at position 1\n"
    assert terminal.text("move", d, "--before", c) == f"{d} stays at position 1\n"
    terminal.text("move", a, b, "--after", d)
    assert line(terminal) == [d, a, b, c]
    terminal.text("move", c, "--by", "-2")
    assert line(terminal) == [d, c, a, b]
    terminal.text("move", d, c, "--by", "2")
    assert line(terminal) == [a, b, d, c]
    assert terminal.json("move", a, "--bottom") == {
        "schema": 1,
        "tasks": [{"id": a, "is_changed": True, "position": 4}],
    }
    assert terminal.text("move", b, "-p", "high") == f"{b} is now at priority 64, position 1\n"
    assert terminal.text("move", "last", "-p", "-5").endswith("is now at priority -5, position 4\n")
    assert terminal.text("move", c, "-q", "other") == f"{c} is now at queue other, position 1\n"
    assert line(terminal, "other") == [c]


def test_a_move_to_a_queue_that_nobody_serves_names_the_one_that_may_be_meant(
    terminal: Terminal,
) -> None:
    (task_id,) = submit(terminal, 1)
    terminal.text("queue", "create", "nightly")

    done = terminal("move", task_id, "-q", "nihgtly")

    assert done.returncode == 0
    assert b"no worker listens there yet (did you mean queue nightly?)" in done.stderr


def test_what_is_no_move_is_said(terminal: Terminal) -> None:
    (task_id,) = submit(terminal, 1)

    for options, words in (
        ((), "say where to: one of --top, --bottom, --before"),
        (("--top", "--by", "3"), "--top and --by are two moves"),
        (("--by", "x"), "--by x: write a whole number of places"),
        (("--by", "1001"), "from 1 to 1000 places"),
        (("-p", "999"), "--priority 999: say low, normal, high"),
        (("-q", "a{b"), "queue 'a{b' is not a name"),
    ):
        done = terminal("move", task_id, *options)
        assert done.returncode == 2, options
        assert words in done.stderr.decode()
        assert done.stdout == b""


def test_a_task_that_ended_is_refused(terminal: Terminal) -> None:
    ended, other = submit(terminal, 2)
    terminal.text("cancel", ended)

    done = terminal("move", ended, "--before", other)

    assert done.returncode == 1
    assert f"task {ended}: is cancelled; only tasks that wait can be moved" in done.stderr.decode()
    assert terminal("move", other, "--after", "nothing").returncode == 3
