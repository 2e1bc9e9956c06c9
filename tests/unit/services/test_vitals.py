"""How a host is doing."""

from rq_agent.worker.services.messages import Pulse
from rq_agent.worker.services.vitals import Vitals


def test_a_host_without_a_pulse_for_long_is_stuck() -> None:
    vitals = Vitals(2.0, 0.0, 1.0)

    assert [vitals.is_stuck() for _ in range(6)] == [False] * 5 + [True]
    assert vitals.still_s == 6.0
    vitals.pulse(Pulse(3, 5 << 20, 1))
    assert not vitals.is_stuck()
    assert (vitals.rss_mib, vitals.lag_ms) == (5.0, 3)


def test_a_host_in_which_nothing_runs_need_not_show_that_it_lives() -> None:
    vitals = Vitals(2.0, 0.0, 1.0)
    for _ in range(20):
        assert not vitals.is_stuck()
        vitals.rest()


def test_a_host_that_is_near_its_memory_limit_is_full() -> None:
    vitals = Vitals(2.0, 100.0, 1.0)
    vitals.pulse(Pulse(0, 74 << 20, 1))
    assert not vitals.is_full
    vitals.pulse(Pulse(0, 76 << 20, 1))
    assert vitals.is_full


def test_without_a_limit_no_host_is_full() -> None:
    vitals = Vitals(2.0, 0.0, 1.0)
    vitals.pulse(Pulse(0, 1 << 40, 1))

    assert not vitals.is_full
