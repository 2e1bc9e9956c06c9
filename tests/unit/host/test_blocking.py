"""When a loop counts as blocked."""

import pytest

from rq_agent.worker.host.blocking import Blocking

TASK, OTHER = object(), object()
LAG_S = 2.0


@pytest.mark.parametrize(
    ("samples", "blocked_s"),
    [
        pytest.param([(n / 10, 0.0, TASK) for n in range(25)], 2.4, id="the same in one turn"),
        pytest.param([(n / 10, 0.0, TASK) for n in range(15)], 0.0, id="not long enough"),
        pytest.param([(n / 10, n / 10, TASK) for n in range(40)], 0.0, id="turns go on"),
        pytest.param([(n / 10, 0.0, None) for n in range(40)], 0.0, id="nobody runs"),
        pytest.param(
            [(n / 10, 0.0, object()) for n in range(40)], 0.0, id="many do a little in one turn"
        ),
        pytest.param(
            [(n / 10, 0.0, TASK if n < 15 else OTHER) for n in range(40)],
            2.4,
            id="the second of a turn blocks",
        ),
        pytest.param([(0.0, 0.0, TASK), (30.0, 0.0, TASK)], 0.0, id="the process was stopped"),
        pytest.param(
            [(0.0, 0.0, TASK), (1.5, 0.0, TASK), (3.0, 0.0, TASK)], 3.0, id="few can be taken"
        ),
    ],
)
def test_who_is_seen_in_each_sample_of_one_turn_blocks_it(
    samples: list[tuple[float, float, object]], blocked_s: float
) -> None:
    blocking = Blocking()

    found = [blocking.look(now, turn, who, LAG_S) for now, turn, who in samples]

    assert found[-1] == pytest.approx(blocked_s)
