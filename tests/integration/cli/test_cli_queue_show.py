"""`queue show`, against a real server."""

from .terminal import Terminal


def test_a_queue_is_shown_as_text_and_as_json(terminal: Terminal) -> None:
    name = terminal.script("")
    terminal.text("submit", "-q", "nights", "--gpus", "1", name)
    terminal.text("submit", "-q", "nights", "--delay", "1h", name)

    text = terminal.text("queue", "show", "nights").splitlines()
    found = terminal.json("queue", "show", "nights", "--since", "1d")
    listed = terminal.json("queue", "ls")["queues"]
    unknown = terminal("queue", "show", "night")

    assert text[0] == "queue nights"
    assert "  1 GPU         1" in text
    assert (found["name"], found["waiting"], found["delayed"]) == ("nights", 1, 1)
    assert [(ready["need"]["gpus"], ready["count"]) for ready in found["ready"]] == [(1, 1)]
    assert found["period"]["until_ms"] > found["period"]["since_ms"]
    assert (listed[0]["delayed"], listed[0]["wait_p95_s"]) == (1, None)
    assert unknown.returncode == 3
    assert b"did you mean nights?" in unknown.stderr
