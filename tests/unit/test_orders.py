import pytest

from rq_agent.broker.errors import UsageError
from rq_agent.broker.orders import MOST_QUEUES, Order, Profile, parse


@pytest.mark.parametrize("mode", ["priority", "round-robin"])
def test_a_mode_without_weights_weighs_all_queues_alike(mode: str) -> None:
    order = parse(mode, ["high", "low"])

    assert (order.mode, order.queues, order.weights) == (mode, ("high", "low"), ())
    assert order.all_weights == (1.0, 1.0)


def test_a_weighted_mode_names_a_weight_for_each_queue() -> None:
    order = parse("weighted:3,0.5", ["high", "low"])

    assert (order.mode, order.all_weights) == ("weighted", (3.0, 0.5))


@pytest.mark.parametrize(
    ("mode", "queues", "problem"),
    [
        ("fifo", ["a"], "mode 'fifo' is not known"),
        ("", ["a"], "mode '' is not known"),
        ("priority:1", ["a"], "mode 'priority:1' is not known"),
        ("weighted", ["a"], "needs 1 weights"),
        ("weighted:1", ["a", "b"], "needs 2 weights"),
        ("weighted:1,x", ["a", "b"], "needs 2 weights"),
        ("weighted:1,0", ["a", "b"], "above 0"),
        ("weighted:1,-1", ["a", "b"], "above 0"),
        ("weighted:1,nan", ["a", "b"], "above 0"),
        ("weighted:1,1001", ["a", "b"], "at most 1000"),
        ("priority", [], "1 to 256 queues, not 0"),
        ("priority", [f"q{n}" for n in range(MOST_QUEUES + 1)], "not 257"),
        ("priority", ["a", "b", "a"], "queue 'a' is listed twice"),
        ("priority", [""], "queue '' is not a name"),
        ("priority", ["a:b"], "queue 'a:b' is not a name"),
        ("priority", ["a\n"], "is not a name"),
        ("priority", ["q" * 64], "is not a name"),
    ],
)
def test_what_makes_no_order_is_refused(mode: str, queues: list[str], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse(mode, queues)


def test_the_id_of_an_order_tells_mode_queues_and_weights_apart() -> None:
    orders = [
        parse("priority", ["a", "b"]),
        parse("priority", ["b", "a"]),
        parse("priority", ["ab"]),
        parse("round-robin", ["a", "b"]),
        parse("weighted:1,2", ["a", "b"]),
        parse("weighted:2,1", ["a", "b"]),
    ]

    assert len({order.id for order in orders}) == len(orders)


def test_ids_are_the_same_on_every_machine() -> None:
    order = Order(mode="weighted", queues=("a", "b"), weights=(3.0, 1.0))

    assert order.id == parse("weighted:3,1", ["a", "b"]).id == "o3d9e9ab52bd0"
    assert Profile(order=order, shapes=("s1",)).id == "p066f5632bce8"


def test_a_profile_is_the_same_in_whatever_order_its_shapes_are() -> None:
    order = parse("priority", ["a"])

    assert (
        Profile(order=order, shapes=("s1", "s2")).id == Profile(order=order, shapes=("s2", "s1")).id
    )
    assert Profile(order=order, shapes=("s1",)).id != Profile(order=order, shapes=("s1", "s2")).id
    assert Profile(order=order, shapes=()).id != Profile(order=order, shapes=("s1",)).id
