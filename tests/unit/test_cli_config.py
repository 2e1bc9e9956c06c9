"""Settings: from options, the environment, a file and defaults, in this order."""

from pathlib import Path

import pytest

from rq_agent.broker.errors import RqAgentError, UsageError
from rq_agent.cli.config import load
from rq_agent.cli.config_file import read_file
from rq_agent.cli.options import Common

FILE = """
[redis]
url = "redis://from-file:1/0"
namespace = "from-file"
"""


def write(tmp_path: Path, text: str) -> dict[str, str]:
    """Write the file; return an environment that leads to it."""
    path = tmp_path / "config" / "config.toml"
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    return {"RQ_AGENT_HOME": str(tmp_path)}


def test_without_any_setting_the_embedded_server_and_the_default_namespace_are_used(
    tmp_path: Path,
) -> None:
    settings = load(environ={"RQ_AGENT_HOME": str(tmp_path)})

    assert (settings.url, settings.namespace, settings.json, settings.color) == (
        "",
        "default",
        False,
        True,
    )
    assert settings.home.data == tmp_path / "data"


def test_options_outrank_the_environment_which_outranks_the_file(tmp_path: Path) -> None:
    environ = write(tmp_path, FILE)
    more = environ | {"RQ_AGENT_REDIS_URL": "redis://env:1", "RQ_AGENT_NAMESPACE": "env"}
    options = Common(redis="redis://option:1", namespace="option")

    of_file, of_environ, of_options = load(environ=environ), load(environ=more), load(options, more)

    assert (of_file.url, of_file.namespace) == ("redis://from-file:1/0", "from-file")
    assert (of_environ.url, of_environ.namespace) == ("redis://env:1", "env")
    assert (of_options.url, of_options.namespace) == ("redis://option:1", "option")


def test_only_the_file_makes_all_workers_strict(tmp_path: Path) -> None:
    strict = load(environ=write(tmp_path, "[redis]\nstrict = true\n"))

    assert strict.strict
    assert not load(environ={"RQ_AGENT_HOME": str(tmp_path / "other")}).strict


def test_nothing_falls_back_to_a_variable_of_other_programs(tmp_path: Path) -> None:
    environ = {"RQ_AGENT_HOME": str(tmp_path), "REDIS_URL": "redis://other:1"}

    assert load(environ=environ).url == ""


def test_a_relative_home_means_the_folder_seen_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert load(environ={"RQ_AGENT_HOME": "h"}).home.cache == tmp_path / "h" / "cache"


@pytest.mark.parametrize(
    ("name", "value", "wants_json", "has_color"),
    [
        ("RQ_AGENT_OUTPUT", "json", True, True),
        ("RQ_AGENT_OUTPUT", "text", False, True),
        ("NO_COLOR", "1", False, False),
        ("NO_COLOR", "", False, True),
    ],
)
def test_the_environment_chooses_json_and_no_colours(
    tmp_path: Path, name: str, value: str, wants_json: bool, has_color: bool
) -> None:
    settings = load(environ={"RQ_AGENT_HOME": str(tmp_path), name: value})

    assert (settings.json, settings.color) == (wants_json, has_color)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RQ_AGENT_OUTPUT", "yaml", "RQ_AGENT_OUTPUT is 'yaml'"),
        ("RQ_AGENT_NAMESPACE", "a b", "namespace 'a b'"),
        ("RQ_AGENT_NAMESPACE", "{x}", "namespace"),
        ("RQ_AGENT_REDIS_URL", "localhost:6379", "no ://"),
        ("RQ_AGENT_REDIS_URL", "rediss//x", "Redis URL"),
        ("RQ_AGENT_CONTEXTS", "x", "did you mean RQ_AGENT_CONTEXT"),
        ("RQ_AGENT_CONTEXT", "x", "RQ_AGENT_CONTEXT: no context is named x; there is: local"),
        ("RQ_AGENT_REDIS_ULR", "redis://x", "did you mean RQ_AGENT_REDIS_URL"),
        ("RQ_AGENT_NAMESPACES", "x", "did you mean RQ_AGENT_NAMESPACE"),
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, name: str, value: str, words: str) -> None:
    with pytest.raises(RqAgentError, match=words.replace("?", r"\?")):
        load(environ={"RQ_AGENT_HOME": str(tmp_path), name: value})


@pytest.mark.parametrize("name", ["RQ_AGENT_TASK_ID", "RQ_AGENT_PARAMS_FILE", "RQ_AGENT_ANYTHING"])
def test_variables_of_tasks_and_of_others_are_left_alone(tmp_path: Path, name: str) -> None:
    settings = load(environ={"RQ_AGENT_HOME": str(tmp_path), name: "x"})

    assert (settings.url, settings.namespace) == ("", "default")


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.touch()

    with pytest.raises(UsageError, match=r"RQ_AGENT_HOME: .* is not a folder"):
        load(environ={"RQ_AGENT_HOME": str(file)})


def test_a_missing_file_says_nothing(tmp_path: Path) -> None:
    assert read_file(tmp_path / "config.toml").redis.url == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[redis]\n  ulr = "x"',
            r"line 2, column 3: ulr is .* in \[redis\]; did you mean url\? .* url, namespace",
        ),
        (
            '[redsi]\nurl = "x"',
            r"line 1, column 2: redsi .* did you mean redis\? allowed: redis, archive, submit",
        ),
        (
            '\n\nurl = "x"',
            "line 3, column 1: url is not known outside of a table; .*allowed: redis",
        ),
        ("[redis]\n\nurl = 6379", "line 3, column 1: redis.url: expected `str`, got `int`"),
        ('[archive]\nlocation = "/a"\n[redis]\nlocation = 1', r"line 4, column 1: location is not"),
        ('redis = {ulr = "x"}', "line 1, column 10: ulr is not known in .redis."),
        ("redis.ulr = 1", "line 1, column 7: ulr is not known in .redis."),
        ("redis = 1", "line 1, column 1: redis: expected `object`"),
        ("[redis\n", r"line 1, column 7: is not TOML: Expected"),
        ("[redis]\nurl = 'redis://x", "line 2, column 17: is not TOML: Expected"),
        ("[redis]\nurl : 'x'", "line 2, column 5: is not TOML"),
        ("a b", "line 1, column 3: is not TOML"),
        ("[redis]\nurl = 'redis://a\tb'", "line 2, column 1: url has a tab"),
        ('[redis]\n\tnamespace = "a\\u001bb"', "line 2, column 2: namespace has a tab or another"),
    ],
)
def test_a_wrong_file_is_named_with_line_and_what_is_allowed(
    tmp_path: Path, text: str, words: str
) -> None:
    environ = write(tmp_path, text)

    with pytest.raises(UsageError, match=f"config.toml.*{words}"):
        load(environ=environ)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")

    with pytest.raises(UsageError, match=r"config.toml: can't be read"):
        read_file(path)


def test_a_file_as_windows_writes_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbf[redis]\r\n\tnamespace = "lab"\r\n')

    assert read_file(path).redis.namespace == "lab"


def test_a_password_is_in_no_message(tmp_path: Path) -> None:
    environ = {"RQ_AGENT_HOME": str(tmp_path), "RQ_AGENT_REDIS_URL": "redis://u:s3cret@host:port"}

    with pytest.raises(UsageError) as caught:
        load(environ=environ)
    assert "s3cret" not in str(caught.value)
