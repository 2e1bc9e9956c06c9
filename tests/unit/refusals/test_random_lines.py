"""Lines made of commands, options and garbage: never a traceback, always a code that we know."""

import contextlib
import io
from collections.abc import Sequence

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rq_agent.cli import exits
from rq_agent.cli.app import made
from rq_agent.cli.main import main

from ..test_cli_help import COMMANDS
from .row import NOBODY

_STAY = {"web", "scheduler", "work", "up", "install", "uninstall", "doctor", "down", "join"}
"""They would start, look at or change what is not this test's."""
_LEFT_OUT = {"--redis", "--context", "-v", "--verbose", "--help", "-h", "-w", "--watch", "--edit"}
"""They would name another server, show tracebacks on purpose, or stay."""
PATHS = [path for path in COMMANDS if path not in _STAY]
CODES = {code for name, code in vars(exits).items() if name.isupper() and isinstance(code, int)}


def _options() -> list[str]:
    found = set()
    for path in PATHS:
        command = made(COMMANDS[path])
        for each in command.get_params(typer.Context(command, info_name=path)):
            if each.param_type_name == "option":
                found.update(each.opts)
    return sorted(found - _LEFT_OUT)


_NUMBERS = ("0", "-1", "1e9999d", "nan", "inf", "٣", 400 * "9", "5s", "2G")
_MARKS = ("", "-", "--", "=", "=x", "a=b", "a:b", "'", "{}", "%s", "$HOME", "*", ".", "../x")
_NAMES = ("last", "s.py", "q", "\x1b[31m", "\udcff", "redis://u:s3cret@h")
_GARBAGE = st.one_of(
    st.sampled_from((*_NUMBERS, *_MARKS, *_NAMES)),
    st.text(st.characters(blacklist_characters="\0"), max_size=8),
)
_WORDS = st.lists(st.one_of(st.sampled_from(_options()), _GARBAGE), max_size=6)


@given(path=st.sampled_from(["", *PATHS]), words=_WORDS)
@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_line_is_answered(
    path: str, words: Sequence[str], nothing_starts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RQ_AGENT_REDIS_URL", NOBODY)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))

    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([*path.split(), *words])
        err.flush()

    said = err.buffer.getvalue().decode("utf-8")
    assert code in CODES, (code, said)
    assert "Traceback" not in said
    assert "\x1b" not in said
