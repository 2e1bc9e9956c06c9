"""What fits into what is free: light tasks take service slots, all others take slots."""

import pytest

from rq_agent.broker.needs import Free, Need, batch_size, fits, how_many

CPU, GPU, LIGHT = Need(), Need(gpus=2), Need(light=True)
LIGHT_GPU = Need(light=True, gpus=2)


@pytest.mark.parametrize(
    ("need", "free", "expected"),
    [
        (CPU, Free(slots=3, light=9), 3),
        (LIGHT, Free(slots=3, light=9), 9),
        (LIGHT, Free(slots=3), 0),
        (CPU, Free(slots=0, light=9), 0),
        (GPU, Free(slots=0, gpus=5), 2),
        (LIGHT_GPU, Free(slots=9, gpus=8, light=1), 1),
        (LIGHT_GPU, Free(slots=9, gpus=4, light=9), 2),
        (Need(light=True, cpus=2), Free(slots=0, light=9, cpus=5), 2),
        (Need(light=True, mem_mib=10), Free(slots=0, light=9, mem_mib=35), 3),
    ],
)
def test_as_many_of_a_need_fit_as_its_slots_and_capacities_allow(
    need: Need, free: Free, expected: int
) -> None:
    assert how_many(need, free) == batch_size([need], free) == expected
    assert fits(need, free) == (expected > 0)


def test_of_several_needs_the_worst_mixture_counts() -> None:
    free = Free(slots=3, gpus=4, light=9)

    assert batch_size([CPU, LIGHT], free) == 3
    assert batch_size([LIGHT, GPU], free) == 2
    assert batch_size([LIGHT, LIGHT_GPU], Free(slots=0, gpus=100, light=9)) == 9
    assert batch_size([], free) == 0
