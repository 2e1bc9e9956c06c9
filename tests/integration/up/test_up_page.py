"""The page in the browser that `up` serves."""

from tests.servers import free_port

from ..cli.terminal import Terminal


def test_people_are_told_the_page_and_how_others_join(terminal: Terminal) -> None:
    done = terminal("up", "--listen", f"127.0.0.1:{free_port()}")
    said = done.stdout.decode()

    assert done.returncode == 0, done.stderr.decode()
    assert "page       http://127.0.0.1:" in said
    assert "/login#" in said
    assert "-services: queue services; 100 service slots" in said
    assert said.count("rq-agent join 'rqa+tls://") == 3
    assert said.count("token (one use, until ") == 3
    assert b"from this machine only" in done.stderr
