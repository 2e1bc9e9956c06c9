"""Ids that name what happens at a time: the same for whoever makes it."""

import pytest

from rq_agent.broker.ids import TaskIds, encode, first_of, of_event

AT_MS = 1_800_000_000_000


def test_an_id_of_an_event_is_always_the_same_and_of_its_second() -> None:
    made = of_event(AT_MS, "lab", "nightly", "1")

    assert made == of_event(AT_MS, "lab", "nightly", "1")
    assert first_of(AT_MS) <= made < first_of(AT_MS + 1000)
    assert len(made) == 16


def test_other_times_and_words_have_other_ids() -> None:
    words = [("lab", "a", "1"), ("lab", "a", "2"), ("lab", "b", "1"), ("lab", "a1", "")]
    ids = {of_event(AT_MS + n, *each) for each in words for n in range(500)}

    assert len(ids) == 2_000


def test_ids_that_are_made_together_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time_ns", lambda: 10**18)  # all in one millisecond
    ids = TaskIds()

    made = [ids.new(), *ids.many(3_000), *ids.many(1), ids.new(), *ids.many(0)]

    assert len(made) == 3_003
    assert sorted(set(made)) == made
    assert {len(each) for each in made} == {16}
    spelled = [
        sum(
            "0123456789abcdefghjkmnpqrstvwxyz".index(c) << 5 * n
            for n, c in enumerate(reversed(each))
        )
        for each in made[1:3_001]
    ]
    assert spelled == list(range(spelled[0], spelled[0] + 3_000))
    assert made[1:3_001] == [encode(number) for number in spelled]
