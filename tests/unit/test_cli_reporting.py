"""What becomes of errors."""

import pytest

from rq_agent.broker.errors import BrokerUnavailable, UsageError
from rq_agent.cli.reporting import guarded


def raising(error: BaseException) -> int:
    def body() -> int:
        raise error

    return guarded(body, verbose=False)


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (UsageError("no"), 2, "rq-agent: no\n"),
        (ExceptionGroup("g", [ExceptionGroup("h", [UsageError("no")])]), 2, "rq-agent: no\n"),
        (ExceptionGroup("g", [BrokerUnavailable("a"), OSError("b")]), 5, "rq-agent: a\n"),
        (OSError(28, "No space left on device"), 1, "No space left on device\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_raised_on_purpose_is_one_line_and_a_code(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert raising(error) == code

    said = capsys.readouterr()
    assert said.err.endswith(words)
    assert len(said.err.splitlines()) <= 1
    assert said.out == ""


@pytest.mark.parametrize(
    "bug", [KeyError("x"), ExceptionGroup("g", [UsageError("no"), ZeroDivisionError()])]
)
def test_a_bug_is_not_hidden(bug: Exception) -> None:
    with pytest.raises(type(bug)):
        raising(bug)


def test_a_body_without_a_code_succeeded() -> None:
    assert guarded(lambda: None, verbose=False) == 0
