"""What light tasks said and Redis does not have yet."""

from rq_agent.broker.claims import Token
from rq_agent.broker.keys import TaskId
from rq_agent.worker.services.calls import Said
from rq_agent.worker.services.output import STREAM_BYTES, Output

TOKEN = Token(task_id=TaskId("t1"), fence=1, nonce="n")


def said(offset: int, data: bytes, *, stream: str = "out", after_gap: bool = False) -> Said:
    return Said(key="t1.1", stream=stream, offset=offset, data=data, after_gap=after_gap)


def brief(output: Output) -> list[tuple[str, int, bytes, bool]]:
    return [(c.stream, c.offset, c.data, c.after_gap) for c in output.first()]


def test_small_parts_that_follow_each_other_become_one() -> None:
    output = Output(TOKEN)
    for offset, data in ((0, b"a\n"), (2, b"b\n"), (9, b"z\n")):
        output.add(said(offset, data))
    output.add(said(0, b"e\n", stream="err"))

    assert brief(output) == [
        ("out", 0, b"a\nb\n", False),
        ("out", 9, b"z\n", False),
        ("err", 0, b"e\n", False),
    ]


def test_nothing_is_joined_to_what_is_on_its_way() -> None:
    output = Output(TOKEN)
    output.add(said(0, b"a\n"))
    output.first()
    output.add(said(2, b"b\n"))

    output.stored()

    assert brief(output) == [("out", 2, b"b\n", False)]
    output.stored()
    assert (len(output), output.size_bytes) == (0, 0)


def test_of_a_flood_the_newest_is_kept_and_the_gap_is_told() -> None:
    output, part = Output(TOKEN), b"x" * 16_000
    output.add(said(0, b"rare\n", stream="err"))
    for number in range(100):
        output.add(said(number * len(part), part))

    kept = brief(output)

    assert kept[0] == ("err", 0, b"rare\n", False)
    assert kept[1][1] > 0
    assert [after_gap for *_, after_gap in kept[1:]] == [True] + [False] * (len(kept) - 2)
    assert output.size_bytes <= STREAM_BYTES + 100


def test_a_stream_whose_last_part_was_dropped_goes_on_after_a_gap() -> None:
    output = Output(TOKEN)
    output.add(said(0, b"a\n"))
    assert output.drop_oldest() < 0

    output.add(said(2, b"b\n"))

    assert brief(output) == [("out", 2, b"b\n", True)]


def test_our_own_words_are_counted_here() -> None:
    output = Output(TOKEN)
    for text in (b"one\n", b"two\n"):
        output.add(said(0, text, stream="sys"))

    assert brief(output) == [("sys", 0, b"one\ntwo\n", False)]


def test_our_own_words_follow_those_of_an_earlier_session() -> None:
    output = Output(TOKEN, is_resumed=True)
    output.add(said(0, b"one\n", stream="sys"))

    output.say_after(100)
    output.add(said(0, b"two\n", stream="sys"))

    assert brief(output) == [("sys", 100, b"one\ntwo\n", False)]


def test_what_redis_lost_is_a_gap() -> None:
    output = Output(TOKEN)
    output.add(said(5, b"a\n"))
    output.add(said(0, b"e\n", stream="err"))

    output.accept_loss()

    assert [after_gap for *_, after_gap in brief(output)] == [True, True]


def test_a_closed_log_takes_nothing() -> None:
    output = Output(TOKEN)
    kept = output.add(said(0, b"a\n"))

    assert output.close() == -kept
    assert output.add(said(2, b"b\n")) == 0
    assert not output


def test_a_stream_that_nobody_knows_is_left_out() -> None:
    output = Output(TOKEN)

    assert output.add(said(0, b"a\n", stream="aux")) == 0
