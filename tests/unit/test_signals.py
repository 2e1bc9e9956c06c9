import anyio
import pytest

from rq_agent.worker.signals import ASKED, Signals


@pytest.mark.parametrize(("why", "left"), [(ASKED, ""), ("SIGTERM", "SIGTERM")])
def test_only_a_drain_that_was_asked_for_can_be_taken_back(why: str, left: str) -> None:
    signals = Signals()
    signals.drain(why)

    signals.undrain()

    assert signals.draining == left


def test_the_first_reason_to_drain_stays() -> None:
    signals = Signals()
    signals.drain("SIGTERM")
    signals.drain(ASKED)

    signals.undrain()

    assert signals.draining == "SIGTERM"


async def test_news_between_looking_and_waiting_are_not_missed() -> None:
    signals = Signals()
    heard = signals.heard
    signals.notify()

    with anyio.fail_after(1):
        await signals.news(since=heard)
