"""The books of a worker with service slots."""

from rq_agent.broker.needs import Need
from rq_agent.worker.capacity import Capacity, claimable, fitting

CPU = Need()
LIGHT = Need(light=True)
NEEDS = {"cpu": CPU, "light": LIGHT}


def worker(
    *, slots: int = 0, services: int = 3, is_shared: bool = False, cpus: float = 8
) -> Capacity:
    return Capacity(
        slots=slots,
        gpus=("0",),
        cpus=cpus,
        mem_mib=1000,
        services=services,
        is_shared=is_shared,
    )


def test_light_tasks_take_service_slots_beside_the_ordinary_ones() -> None:
    books = worker(slots=1, services=2)

    books.take("a", LIGHT)
    books.take("b", CPU)

    assert (books.free.light, books.free.slots) == (1, 0)
    assert fitting(NEEDS, books.free) == ("light",)


def test_ordinary_tasks_take_service_slots_where_there_are_no_others() -> None:
    books = worker(services=3, is_shared=True)

    books.take("a", LIGHT)
    books.take("b", CPU)

    assert (books.free.light, books.free.slots) == (1, 1)
    assert claimable(NEEDS, books.free, most=64) == 1
    books.give_back("b")
    assert books.free.slots == books.free.light == 2


def test_a_task_with_a_gpu_takes_no_service_slot() -> None:
    books = worker(services=1, is_shared=True)

    books.take("a", Need(gpus=1))

    assert (books.free.light, books.free.gpus) == (1, 0)


def test_a_worker_without_service_slots_takes_no_light_task() -> None:
    assert fitting(NEEDS, worker(slots=1, services=0).free) == ("cpu",)


def test_so_many_light_tasks_are_taken_ahead_of_the_slots() -> None:
    books = worker(services=1)

    taken = [books.take_light(n, LIGHT, ahead=2) for n in range(4)]

    assert taken == [(), (), (), None]
    assert (books.light_left, books.free.light) == (-2, 0)
    assert books.ahead_of(3).light == 1


def test_a_light_task_that_needs_cpus_is_not_taken_ahead_of_them() -> None:
    books = worker(services=10, cpus=2)
    need = Need(light=True, cpus=1)

    taken = [books.take_light(n, need, ahead=10) for n in range(3)]

    assert taken == [(), (), None]


def test_amounts_are_free_again_to_the_last_bit() -> None:
    """0.1 + 0.2 - 0.1 - 0.2 is not 0 in floating point, and a worker may live for months."""
    books = worker(services=10, cpus=1)
    for _ in range(100):
        books.take("a", Need(light=True, cpus=0.1))
        books.take("b", Need(light=True, cpus=0.2))
        books.give_back("a")
        books.give_back("b")

    assert books.free == books.whole


def test_a_claim_that_is_booked_twice_counts_once() -> None:
    books = worker(services=2)
    books.book("a", LIGHT, ())

    books.book("a", LIGHT, ())

    assert books.light_left == 1
