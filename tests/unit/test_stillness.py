"""When a task counts as hanging: a table of looks, one a minute, with a limit of five minutes."""

from typing import Any

import pytest

from rq_agent.worker.stillness import Signs, first, is_alive, look_every_s, step

LIMIT_S = 300.0


def signs(minute: float, **seen: Any) -> Signs:
    return Signs(**({"at_s": minute * 60, "output_bytes": 10, "cpu_s": 5.0} | seen))


def told(*looks: Signs) -> list[str | None]:
    state = first(looks[0])
    answers: list[str | None] = []
    for look in looks[1:]:
        state, answer = step(state, look, limit_s=LIMIT_S)
        answers.append(answer)
    return answers


def test_a_task_that_is_still_is_told_once_when_its_time_is_over() -> None:
    assert told(*(signs(n) for n in range(9))) == [*[None] * 4, "hanging", None, None, None]


@pytest.mark.parametrize(
    "sign",
    [
        pytest.param({"output_bytes": 11}, id="output"),
        pytest.param({"output_bytes": 0}, id="output that was cut shorter"),
        pytest.param({"cpu_s": 5.31}, id="above half a percent of a core"),
        pytest.param({"cpu_s": 4.0}, id="a process that ended unseen"),
        pytest.param({"gpu_busy": True}, id="a GPU"),
    ],
)
def test_any_sign_of_life_counts_from_then_on(sign: dict[str, Any]) -> None:
    later = {k: v for k, v in sign.items() if k != "gpu_busy"}
    looks = [*(signs(n) for n in range(4)), signs(4, **sign)]
    looks += [signs(n, **later) for n in range(5, 10)]

    assert told(*looks) == [*[None] * 8, "hanging"]


def test_a_task_that_hangs_is_told_again_only_after_it_has_moved() -> None:
    moved = {"output_bytes": 11}
    looks = [*(signs(n) for n in range(7)), *(signs(n, **moved) for n in range(7, 14))]

    assert told(*looks) == [*[None] * 4, "hanging", None, "moving", *[None] * 4, "hanging", None]


def test_a_little_cpu_is_no_sign_of_life() -> None:
    looks = [signs(n, cpu_s=5.0 + 0.29 * n) for n in range(6)]

    assert told(*looks) == [*[None] * 4, "hanging"]


def test_what_nobody_watched_does_not_count() -> None:
    assert told(signs(0), signs(1), signs(100), signs(101)) == [None, None, None]
    assert told(signs(0), signs(100), *(signs(100 + n) for n in range(1, 6)))[-1] == "hanging"


def test_the_machine_that_is_looked_at_at_once_again_shows_nothing() -> None:
    assert not is_alive(signs(1), signs(1))


@pytest.mark.parametrize(("limit_s", "every_s"), [(1800, 60), (300, 10), (1, 0.05), (9e6, 60)])
def test_looks_are_as_many_as_are_needed(limit_s: float, every_s: float) -> None:
    assert look_every_s(limit_s) == every_s
