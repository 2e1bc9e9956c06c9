from __future__ import annotations

import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Free, Need, batch_size, fits, shape_id
from rq_agent.worker.capacity import Capacity, claimable, fitting
from rq_agent.worker.gpus import choose, visible

CPU = Need()
GPU = Need(gpus=1)
TWO_GPUS = Need(gpus=2)
NEEDS = {"cpu": CPU, "gpu": GPU, "two": TWO_GPUS}


def worker(
    slots: int = 1, gpus: tuple[str, ...] = (), cpus: float = 8, mem_mib: float = 1000
) -> Capacity:
    return Capacity(slots=slots, gpus=gpus, cpus=cpus, mem_mib=mem_mib)


def test_tasks_without_a_gpu_take_slots_and_tasks_with_gpus_take_gpus() -> None:
    books = worker(slots=1, gpus=("0", "1"))

    assert books.take(TaskId("a"), CPU) == ()
    assert books.take(TaskId("b"), GPU) == ("0",)

    assert books.free.slots == 0
    assert books.free.gpus == 1
    assert fitting(NEEDS, books.free) == ("gpu",)


def test_a_gpu_that_was_given_back_is_handed_out_again() -> None:
    books = worker(gpus=("0", "GPU-abc"))
    books.take(TaskId("a"), GPU)
    books.take(TaskId("b"), GPU)

    books.give_back(TaskId("a"))
    books.give_back(TaskId("a"))

    assert books.take(TaskId("c"), GPU) == ("0",)


def test_what_does_not_fit_is_refused() -> None:
    books = worker(mem_mib=100)
    books.take(TaskId("a"), Need(gpus=0, mem_mib=60))
    books.give_back(TaskId("a"))
    books.take(TaskId("b"), Need(mem_mib=100))

    with pytest.raises(ValueError, match="task c does not fit"):
        books.take(TaskId("c"), CPU)


@pytest.mark.parametrize(
    ("need", "free", "answer"),
    [
        (CPU, Free(slots=1), True),
        (CPU, Free(slots=0, gpus=4), False),
        (GPU, Free(slots=0, gpus=1), True),
        (TWO_GPUS, Free(slots=5, gpus=1), False),
        (Need(cpus=4), Free(slots=1, cpus=3.9), False),
        (Need(mem_mib=10), Free(slots=1, mem_mib=10), True),
    ],
)
def test_a_need_fits_into_what_is_free(need: Need, free: Free, answer: bool) -> None:
    assert fits(need, free) is answer


@pytest.mark.parametrize(
    ("needs", "free", "answer"),
    [
        ([CPU], Free(slots=4), 4),
        ([CPU, GPU], Free(slots=4, gpus=2), 2),
        ([GPU, TWO_GPUS], Free(slots=9, gpus=4), 2),
        ([CPU, Need(cpus=2)], Free(slots=9, cpus=5), 2),
        ([Need(mem_mib=300)], Free(slots=9, mem_mib=1000), 3),
        ([], Free(slots=9), 0),
    ],
)
def test_a_batch_fits_in_any_mixture(needs: list[Need], free: Free, answer: int) -> None:
    assert batch_size(needs, free) == answer


def test_no_more_is_claimed_than_was_asked_for() -> None:
    assert claimable({"cpu": CPU}, Free(slots=10), most=3) == 3


def test_equal_needs_share_a_shape() -> None:
    assert shape_id(Need(cpus=1)) == shape_id(Need(cpus=1.0))
    assert shape_id(Need(gpus=1)) != shape_id(Need(gpus=2))


@pytest.mark.parametrize(
    ("option", "found", "gpus"),
    [
        ("none", 4, ()),
        ("all", 2, ("0", "1")),
        ("all", 0, ()),
        ("0", 4, ()),
        ("2", 4, ("0", "1")),
        ("2", 0, ("0", "1")),
        ("0,3", 4, ("0", "3")),
        ("1,", 4, ("1",)),
        ("GPU-8f1c,GPU-77aa", 4, ("GPU-8f1c", "GPU-77aa")),
    ],
)
def test_the_gpus_option_names_gpus(option: str, found: int, gpus: tuple[str, ...]) -> None:
    assert choose(option, found) == gpus


@pytest.mark.parametrize(
    ("option", "found", "words"),
    [
        ("5", 4, "no GPU 4"),
        ("0,4", 4, "no GPU 4"),
        ("0,0", 4, "twice"),
        ("first", 4, "say all, none"),
        (",", 4, "say all, none"),
        ("-1", 4, "say all, none"),
    ],
)
def test_a_wrong_gpus_option_says_why(option: str, found: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        choose(option, found)


def test_a_task_without_gpus_sees_none() -> None:
    assert visible(())["CUDA_VISIBLE_DEVICES"] == ""
    assert visible(("0", "3"))["CUDA_VISIBLE_DEVICES"] == "0,3"
