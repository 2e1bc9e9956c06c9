"""Ids that name what happens at a time: the same for whoever makes it."""

from rq_agent.broker.ids import first_of, of_event

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
