"""What a command says when files, variables or the server around it are not as they should be."""

import os
import socketserver
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from rq_agent.cli.main import main

pytestmark = pytest.mark.usefixtures("nothing_starts")


def refused(capsys: pytest.CaptureFixture[str], line: str, *, code: int = 2, lines: int = 2) -> str:
    """Run a line that must be refused with a code; return what it says."""
    assert main(line.split()) == code
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("rq-agent: ")
    assert len(said.err.splitlines()) <= lines
    assert "Traceback" not in said.err
    assert "s3cret" not in said.err
    return said.err


@pytest.fixture
def config(place: Path) -> Path:
    """The folder of config.toml."""
    folder = place / "home" / "config"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[redis]\nurl = "redis://h\n', "line 2, column 17: is not TOML"),
        ("[redis]\nurl = redis://h\n", "line 2, column 7: is not TOML"),
        ("[redis]\n\turl redis\n", "line 2, column 6: is not TOML"),
        ("[redis\nurl = 1\n", "line 1, column 7: is not TOML"),
        ('[redis]\nurl = "a"\nurl = "b"\n', "line 3, column"),
        ("redis", "line 1, column 6: is not TOML"),
        ('[redis]\n  urll = "redis://h"\n', "line 2, column 3: urll is not known in [redis]"),
        ('[redis]\nurll = "redis://h"\n', "did you mean url? allowed: url, namespace, strict"),
        (
            "[redsi]\n",
            "line 1, column 2: redsi is not known outside of a table; did you mean redis",
        ),
        ('namespace = "a"\n', "line 1, column 1: namespace is not known outside of a table"),
        ('[redis]\nurl = "redis://u:s3cret@h\t/"\n', "line 2, column 1: url has a tab"),
        ('[redis]\nurl = "\\u001b[31m"\n', "line 2, column 1: url has a tab or another control"),
        ("[redis]\nurl = 5\n", "line 2, column 1: redis.url: expected `str`"),
        ('[redis]\nstrict = "yes"\n', "line 2, column 1: redis.strict: expected `bool`"),
        ("redis = 5\n", "line 1, column 1: redis: expected `object`"),
        ('[redis]\nurl = "redis://u:s3cret@h:x"\n', "redis.url: the port of the Redis URL"),
        ('[redis]\nnamespace = "a:b"\n', "namespace 'a:b'"),
        ('[submit]\nqueue = "a:b"\n', "submit.queue: queue 'a:b'"),
        ('[archive]\nlocation = "relative"\n', "give the whole path"),
    ],
)
@pytest.mark.parametrize("line", ["ps", "submit s.py", "config show"])
def test_config_toml_is_wrong(
    line: str, content: str, words: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "config.toml").write_text(content, "utf-8")

    assert words in refused(capsys, line)


def test_what_is_wrong_in_config_toml_is_said_with_its_path(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = config / "config.toml"
    path.write_text("[redis]\nurl = 5\n", "utf-8")

    assert refused(capsys, "ps").startswith(f"rq-agent: {path}, line 2")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("folder", "can't be read: Is a directory"),
        ("bytes", "can't be read: it is not UTF-8 text"),
        ("broken link", "a link to a file that does not exist"),
        ("loop", "can't be read: Too many levels"),
    ],
)
def test_config_toml_cannot_be_read(
    kind: str, words: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(config / "config.toml", kind)

    assert words in refused(capsys, "ps")


def spoil(path: Path, kind: str) -> None:
    """Make something of a path that is no file of text."""
    match kind:
        case "folder":
            path.mkdir()
        case "bytes":
            path.write_bytes(b'[redis]\nurl = "\xff"\n')
        case "broken link":
            path.symlink_to("nowhere.toml")
        case _:
            path.symlink_to(path.name)


@pytest.mark.parametrize("line", ["version", "config path", "context ls", "key show"])
def test_some_commands_need_no_configuration(
    line: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (config / "config.toml").write_text("[redis]\nurl = 5\n", "utf-8")

    code = main(line.split())

    assert code == 0 or (line == "key show" and code == 3)
    assert "Traceback" not in capsys.readouterr().err


class TestContexts:
    """Files of contexts, and the one that says which is current."""

    @pytest.fixture
    def context(self, config: Path) -> Path:
        """The file of a context that is the current one."""
        folder = config / "contexts"
        folder.mkdir(mode=0o700)
        path = folder / "lab.toml"
        path.touch(mode=0o600)
        path.write_text('url = "redis://127.0.0.1:1/0"\n', "utf-8")
        (config / "current-context").write_text("lab\n", "utf-8")
        return path

    def test_the_current_one_is_gone(
        self, context: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        context.unlink()

        said = refused(capsys, "ps")
        assert "the current context is 'lab'" in said
        assert "rq-agent context use NAME" in said

    def test_a_near_name_is_told(self, context: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert "did you mean lab?" in refused(capsys, "ps --context alb", code=3)

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ('url = "redis://u:s3cret@h"\nrole = ["viewer"]\n', "line 2, column 1: role"),
            ('ulr = "redis://u:s3cret@h"\n', "line 1, column 1: ulr is not known"),
            ('url = "redis://u:s3cret@h', "column 26: is not TOML"),
            ("", "url is missing"),
            ('url = "redis://u:s3cret@h:x"\n', "the port of the Redis URL"),
            ('url = "redis://h"\nnamespace = "a:b"\n', "namespace 'a:b'"),
            ('url = "redis://h"\ncertificate = "../x"\n', "line 2, column 1: certificate"),
            ('url = "rediss://h"\ncertificate = "lab.pem"\n', "the pinned certificate"),
        ],
    )
    def test_its_file_is_wrong(
        self, content: str, words: str, context: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        context.write_text(content, "utf-8")

        said = refused(capsys, "ps")
        assert words in said
        assert str(context) in said

    def test_others_may_read_its_password(
        self, context: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        context.chmod(0o644)

        said = refused(capsys, "ps")
        assert str(context) in said
        assert "chmod" in said

    @pytest.mark.parametrize("kind", ["folder", "bytes", "loop"])
    def test_the_current_one_cannot_be_read(
        self, kind: str, context: Path, config: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (config / "current-context").unlink()
        spoil(config / "current-context", kind)

        assert "current-context: can't be read" in refused(capsys, "ps")

    def test_the_name_of_the_current_one_is_none(
        self, context: Path, config: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        (config / "current-context").write_text("\x1b[31m../../etc\n", "utf-8")

        said = refused(capsys, "ps")
        assert "\x1b" not in said
        assert "is gone" in said


@pytest.mark.parametrize(
    ("name", "value", "words", "code"),
    [
        ("RQ_AGENT_OUTPUT", "xml", "RQ_AGENT_OUTPUT is 'xml': use json or text", 2),
        ("RQ_AGENT_REDIS_ULR", "redis://h", "did you mean RQ_AGENT_REDIS_URL", 2),
        ("RQ_AGENT_NAMESAPCE", "a", "did you mean RQ_AGENT_NAMESPACE", 2),
        ("RQ_AGENT_REDIS_URL", "redis://u:s3cret@h:x", "RQ_AGENT_REDIS_URL: the port", 2),
        ("RQ_AGENT_REDIS_URL", "redis://127.0.0.1:1", "connection refused", 5),
        ("RQ_AGENT_NAMESPACE", "a:b", "namespace 'a:b'", 2),
        ("RQ_AGENT_CONTEXT", "nope", "RQ_AGENT_CONTEXT: no context is named nope", 3),
        ("RQ_AGENT_ARCHIVE", "relative", "is relative: give the whole path", 2),
        ("RQ_AGENT_HOME", "s.py", "s.py is not a folder", 2),
    ],
)
def test_a_variable_is_wrong(
    name: str,
    value: str,
    words: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)

    assert words in refused(capsys, "ps", code=code)


@pytest.mark.parametrize(
    "line", ["submit s.py", "context add x redis://h", "up", "work", "init --yes", "key ls"]
)
def test_the_home_cannot_be_written(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RQ_AGENT_HOME", "/proc/nowhere")

    code = main(line.split())

    said = capsys.readouterr()
    assert code in (0, 1, 2)
    if code:
        assert "/proc/nowhere" in said.err
        assert len(said.err.splitlines()) == 1
        assert said.out == ""


class _Refusing(socketserver.StreamRequestHandler):
    """Lets nobody in."""

    def handle(self) -> None:
        with suppress(ConnectionError):
            while self.rfile.readline():
                self.wfile.write(b"-WRONGPASS invalid username-password pair or user\r\n")


@pytest.fixture
def closed_server() -> Iterator[int]:
    """The port of a server that refuses every login."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Refusing) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


@pytest.mark.parametrize("line", ["ps", "submit s.py", "queue ls", "events", "worker drain w"])
def test_a_login_is_refused(
    line: str,
    closed_server: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("RQ_AGENT_REDIS_URL", f"redis://u:s3cret@127.0.0.1:{closed_server}")

    said = refused(capsys, line, code=4)
    assert f"127.0.0.1:{closed_server}" in said


@pytest.mark.parametrize("line", ["edit last", "rerun last --edit"])
def test_an_editor_that_is_none(
    line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDITOR", "no-such-editor --wait")
    monkeypatch.setenv("RQ_AGENT_REDIS_URL", "redis://127.0.0.1:1")

    assert main(line.split()) in (2, 5)
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1


def test_nobody_is_there_to_say_yes(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / "home" / "config" / "contexts"
    folder.mkdir(parents=True)
    (folder / "lab.toml").write_text('url = "redis://h"\n', "utf-8")
    (folder / "lab.toml").chmod(0o600)
    (folder.parent / "current-context").write_text("lab\n", "utf-8")
    with open(os.devnull, encoding="utf-8") as nobody:
        monkeypatch.setattr("sys.stdin", nobody)

        assert "--yes" in refused(capsys, "context rm lab")
    assert (folder / "lab.toml").exists()
