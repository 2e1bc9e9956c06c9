"""What people write on the command line, as values."""

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.cli import values


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("1.5m", 90),
        ("30m", 1800),
        ("6h", 21_600),
        ("1d", 86_400),
        ("1h30m", 5400),
        ("0", 0),
    ],
)
def test_a_time_is_read_with_or_without_its_unit(text: str, seconds: float) -> None:
    assert values.duration_s(text, "--timeout") == seconds


@pytest.mark.parametrize(
    "text", ["", "x", "5x", "-5", "1h 30m", "h", "1e3", "30m5", "20y", "4000d"]
)
def test_what_is_no_time_is_refused_with_the_name_of_the_option(text: str) -> None:
    with pytest.raises(UsageError, match="--timeout"):
        values.duration_s(text, "--timeout")


@pytest.mark.parametrize(
    ("text", "mib"),
    [("32G", 32 * 1024), ("500M", 500), ("500MiB", 500), ("1.5g", 1536), ("1K", 1), ("2TB", 2**21)],
)
def test_a_size_is_read_with_its_unit_and_rounded_up_to_mib(text: str, mib: int) -> None:
    assert values.size_mib(text, "--mem") == mib


@pytest.mark.parametrize("text", ["", "32", "G", "-1G", "1X", "1 G", "0x1G"])
def test_a_size_without_a_unit_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"--mem .*500M"):
        values.size_mib(text, "--mem")


@pytest.mark.parametrize(
    ("text", "number"),
    [("low", -64), ("normal", 0), ("high", 64), ("-128", -128), ("127", 127), ("+5", 5)],
)
def test_a_priority_is_a_word_or_a_number(text: str, number: int) -> None:
    assert values.priority(text) == number


@pytest.mark.parametrize("text", ["", "highest", "128", "-129", "1.5", "high "])
def test_another_priority_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="low, normal, high"):
        values.priority(text)


def test_pairs_keep_what_stands_behind_the_first_equals_sign() -> None:
    assert values.pairs(["a=1", "b=x=y", "c="], "--set") == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize("texts", [["a"], ["=1"], [" =1"], ["a=1", "a=2"]])
def test_pairs_without_a_name_or_with_one_twice_are_refused(texts: list[str]) -> None:
    with pytest.raises(UsageError, match="--set"):
        values.pairs(texts, "--set")


def test_a_variable_without_a_value_takes_the_one_set_here() -> None:
    found = values.variables(["A", "B=2", "C="], {"A": "x=y", "B": "other"})

    assert found == {"A": "x=y", "B": "2", "C": ""}


@pytest.mark.parametrize("text", ["MISSING", "1A=2", "A-B=1", "=1", "RQ_AGENT_TASK_ID=x"])
def test_a_variable_that_is_not_set_or_has_no_proper_name_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--env"):
        values.variables([text], {})


def test_names_are_split_at_commas() -> None:
    assert values.names("high, low", "--queues") == ("high", "low")


@pytest.mark.parametrize("text", ["", "a,", "a,,b", "a,a"])
def test_a_list_of_names_with_a_hole_or_one_twice_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--queues"):
        values.names(text, "--queues")


@pytest.mark.parametrize("text", ["", "-1", "11", "1.0", "x", "\u0661"])
def test_a_whole_number_has_limits(text: str) -> None:
    assert values.whole("10", "--slots", least=0, most=10) == 10
    with pytest.raises(UsageError, match=r"--slots .* 0 to 10"):
        values.whole(text, "--slots", least=0, most=10)


@pytest.mark.parametrize("text", ["", "0", "-1", "inf", "nan", "1e9", "99999"])
def test_a_number_is_above_zero_and_finite(text: str) -> None:
    assert values.number("0.5", "--cpus", most=64) == 0.5
    with pytest.raises(UsageError, match="--cpus"):
        values.number(text, "--cpus", most=64)
