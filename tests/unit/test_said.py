from rq_agent.worker.said import Said


def lines(said: Said, after: int) -> list[tuple[int, bytes, bool]]:
    return [(chunk.offset, chunk.data, chunk.after_gap) for chunk in said.after(after)]


def test_lines_follow_each_other_and_are_told_from_any_place_on() -> None:
    said = Said()
    said.add("one")
    said.add("two\n")

    assert lines(said, 0) == [(0, b"one\n", False), (4, b"two\n", False)]
    assert lines(said, 4) == [(4, b"two\n", False)]
    assert lines(said, said.end) == []


def test_of_too_many_lines_the_oldest_are_forgotten_and_a_gap_is_told() -> None:
    said = Said()
    for number in range(1_001):
        said.add(f"{number:03}")

    told = said.after(0)

    assert (len(told), told[0].data, told[0].after_gap) == (1_000, b"001\n", True)
    assert not any(chunk.after_gap for chunk in told[1:])


def test_a_later_session_goes_on_where_the_earlier_one_ended() -> None:
    said = Said()
    said.add("said before it was known where")

    said.begin_at(100)
    said.add("and after")

    assert [offset for offset, _, _ in lines(said, 100)] == [100, 131]
