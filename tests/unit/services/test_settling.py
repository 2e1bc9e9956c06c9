"""Which reports of a host may be removed."""

from rq_agent.worker.services.settling import Settling, Unsettled


def test_files_go_when_they_are_complete_and_all_their_ends_are_settled() -> None:
    one, unsettled = Settling(), Unsettled()
    unsettled.add(["a", "b"], one.reported(1))
    unsettled.add(["c"], one.reported(2))

    assert one.news(2) == 0
    unsettled.settle(["a"])
    assert one.news(2) == 0
    unsettled.settle(["b", "unknown"])
    assert one.news(2) == 1
    assert one.news(2) == 0  # told already
    assert not one.is_done
    unsettled.settle(["c"])
    assert one.is_done
    assert one.news(2) == 0  # it still grows
    assert one.news(3) == 2


def test_a_file_without_ends_goes_as_soon_as_it_is_complete() -> None:
    one = Settling()

    assert one.news(1) == 0
    assert one.news(4) == 3


def test_an_older_file_keeps_younger_ones() -> None:
    one, unsettled = Settling(), Unsettled()
    unsettled.add(["a"], one.reported(1))
    unsettled.add(["b"], one.reported(2))
    unsettled.settle(["b"])

    assert one.news(3) == 0
    unsettled.settle(["a"])
    assert one.news(3) == 2


def test_an_end_that_is_told_again_is_settled_once() -> None:
    one, unsettled = Settling(), Unsettled()
    unsettled.add(["a", "a"], one.reported(1))
    unsettled.settle(["a"])

    assert one.is_done
    assert len(unsettled) == 0
