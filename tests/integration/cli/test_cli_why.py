"""why, and the line of it in show."""

from .terminal import Terminal


def test_why_says_what_a_task_waits_for_and_what_to_do(terminal: Terminal) -> None:
    first = terminal.text("submit", terminal.script("print('hi')")).strip()
    second = terminal.text("submit", "-q", "default", "script.py").strip()

    told = terminal.text("why", second)
    shown = terminal.text("show", second)
    as_json = terminal.json("why", first)

    assert told.splitlines() == [
        f"task {second}  queued, queue default, position 2",
        "  no worker runs",
        "    -> rq-agent work --queues default",
        f"  it is number 2 of queue default, behind {first}",
    ]
    assert "  waits         no worker runs\n" in shown
    assert terminal.json("show", second)["waits"][0]["code"] == "no-worker"
    assert (as_json["schema"], as_json["id"], as_json["position"]) == (1, first, 1)
    assert [reason["code"] for reason in as_json["reasons"]] == ["no-worker", "position"]

    assert terminal("work", "--once").returncode == 0

    assert terminal.text("why", first).splitlines()[1:] == ["  it ended: succeeded"]
    assert "waits" not in terminal.text("show", first)
    unknown = terminal("why", "nothing-like-it")
    assert unknown.returncode == 3
    assert b"nothing-like-it" in unknown.stderr
