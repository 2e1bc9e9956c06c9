"""Whether a GPU was at work since a moment, as far as measurements show."""

from rq_agent.broker.worker_load import GpuLoad
from rq_agent.worker.gpu_use import GpuUse


def load(index: int, used: int | None) -> GpuLoad:
    return GpuLoad(index=index, uuid=f"GPU-{index}", used_percent=used)


def test_one_busy_gpu_of_several_is_enough_by_number_or_by_name() -> None:
    use = GpuUse()
    use.note([load(0, 0), load(1, 7)], 10.0)
    use.note([load(0, 0), load(1, 0)], 20.0)

    assert use.since(["0", "1"], 10.0) is True
    assert use.since(["GPU-1"], 5.0) is True
    assert use.since(["0"], 5.0) is False
    assert use.since(["1"], 15.0) is False


def test_what_was_not_measured_since_then_or_can_t_be_is_not_known() -> None:
    use = GpuUse()
    use.note([load(0, 0), load(1, None)], 10.0)

    assert use.since(["0"], 11.0) is None
    assert use.since(["1"], 5.0) is None
    assert use.since(["0", "MIG-x"], 5.0) is None


def test_a_busy_one_counts_also_where_of_another_nothing_is_known() -> None:
    use = GpuUse()
    use.note([load(0, 3), load(1, None)], 10.0)

    assert use.since(["0", "1"], 5.0) is True
