"""What is told of the calls of a host, and in which order."""

from collections.abc import Sequence

import pytest

from rq_agent.broker.claims import Outcome
from rq_agent.broker.states import Phase
from rq_agent.worker.services.calls import Ended, Said
from rq_agent.worker.services.messages import Gap, Nonsense, Out
from rq_agent.worker.services.settling import Unsettled
from rq_agent.worker.services.telling import Telling


class Listener:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.parts: list[Said] = []

    def ended(self, ends: Sequence[Ended]) -> None:
        self.heard += (f"end of {end.key}" for end in ends)

    def said(self, parts: Sequence[Said]) -> None:
        self.heard += (f"{part.key} {part.stream} {part.data.decode()}" for part in parts)
        self.parts += parts

    def placed(self, keys: Sequence[str]) -> None:
        raise AssertionError

    def entered(self, keys: Sequence[str], phase: Phase) -> None:
        raise AssertionError


def end(key: str) -> Ended:
    return Ended(key=key, outcome=Outcome.SUCCEEDED)


def telling(listener: Listener, *, is_held_back: bool = False) -> tuple[Telling, Unsettled]:
    unsettled = Unsettled()
    return Telling(listener, listener.ended, unsettled, is_held_back=is_held_back), unsettled


def test_what_was_printed_is_told_before_the_end() -> None:
    listener = Listener()
    one, unsettled = telling(listener)
    one.end([end("a.1")], segment=1)
    one.out(Out("b.1", "out", 0, "x"))
    one.say(["b.1"], "ours")
    one.end([end("b.1")])

    assert one.flush()
    assert listener.heard == ["b.1 out x", "b.1 sys ours", "end of a.1", "end of b.1"]
    assert len(unsettled) == 1  # nobody reported the end of b.1
    assert not one.flush()


def test_a_gap_stands_before_the_next_part_of_its_stream_only() -> None:
    listener = Listener()
    one, _ = telling(listener)
    one.gap(Gap("a.1", "out", 5))
    for stream, offset in (("err", 0), ("out", 5), ("out", 6)):
        one.out(Out("a.1", stream, offset, "x"))  # type: ignore[arg-type]
    one.flush()

    assert [(part.stream, part.after_gap) for part in listener.parts] == [
        ("err", False),
        ("out", True),
        ("out", False),
    ]


def test_what_is_held_back_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = Listener()
    one, _ = telling(listener, is_held_back=True)
    one.out(Out("a.1", "out", 0, "x"))
    one.end([end("a.1")], segment=1)

    assert not one.flush()
    assert (listener.heard, [one.key for one in one.untold()]) == ([], ["a.1"])
    one.release()
    assert listener.heard == ["a.1 out x", "end of a.1"]


def test_of_very_much_that_is_held_back_the_newer_half_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rq_agent.worker.services.telling._HELD_BYTES", 10)
    monkeypatch.setattr("rq_agent.worker.services.telling._PART_BYTES", 0)
    listener = Listener()
    one, _ = telling(listener, is_held_back=True)
    for n in range(12):
        one.out(Out(f"{n % 2}.1", "out", n // 2, str(n % 10)))
    one.release()

    assert len(listener.parts) < 10
    assert listener.heard[-1] == "1.1 out 1"
    assert [part.after_gap for part in listener.parts[:3]] == [True, True, False]


@pytest.mark.parametrize("what", ["ends", "results", "gaps"])
def test_more_than_can_be_true_is_not_held_back(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    monkeypatch.setattr("rq_agent.worker.services.telling._HELD_ENDS", 3)
    monkeypatch.setattr("rq_agent.worker.services.telling._HELD_END_BYTES", 100)
    one, _ = telling(Listener(), is_held_back=True)

    def forge() -> None:
        for n in range(10):
            if what == "ends":
                one.end([end(f"{n}.1")], segment=1)
            elif what == "results":
                large = Ended(key="a.1", outcome=Outcome.SUCCEEDED, result=b"x" * 30)
                one.end([large], segment=1)
            else:
                one.gap(Gap(f"{n}.1", "out", 1))

    with pytest.raises(Nonsense):
        forge()
    assert len(one.untold()) <= 4


def test_parts_without_a_text_are_bounded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rq_agent.worker.services.telling._HELD_BYTES", 2000)
    listener = Listener()
    one, _ = telling(listener, is_held_back=True)
    for _ in range(100):
        one.out(Out("a.1", "out", 0, ""))
    one.release()

    assert len(listener.parts) < 20


def test_of_two_ends_of_one_key_the_later_is_told_and_one_that_is_void_is_not() -> None:
    listener = Listener()
    one, unsettled = telling(listener, is_held_back=True)
    one.end([end("a.1"), end("b.1")], segment=1)
    one.end([Ended(key="a.1", outcome=Outcome.FAILED)], segment=1)
    one.void(["b.1", "c.1"])

    assert [(e.key, e.outcome) for e in one.untold()] == [("a.1", Outcome.FAILED)]
    one.release()
    assert listener.heard == ["end of a.1"]
    assert len(unsettled) == 1
