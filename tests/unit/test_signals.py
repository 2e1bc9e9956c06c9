from datetime import UTC, datetime

import anyio
import pytest

from rq_agent.worker.signals import Signals

LATER = datetime(2031, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize("command", ["drain", "restart"])
def test_what_was_asked_from_afar_is_taken_back_from_there(command: str) -> None:
    signals = Signals()
    signals.obey(command, by="ada")
    assert signals.draining == f"`worker {command}`"
    assert (signals.told_by, signals.starts_anew) == ("ada", command == "restart")

    signals.obey("")

    assert (signals.draining, signals.told_by, signals.starts_anew) == ("", "", False)


@pytest.mark.parametrize("command", ["drain", "restart"])
def test_a_process_that_leaves_by_itself_is_not_kept_from_afar(command: str) -> None:
    signals = Signals()
    signals.drain("SIGTERM")
    signals.obey(command)
    assert not signals.starts_anew

    signals.obey("")

    assert signals.draining == "SIGTERM"


def test_a_restart_that_was_asked_for_here_is_not_taken_back_from_afar() -> None:
    signals = Signals()
    signals.restart("SIGHUP")
    signals.obey("restart")
    signals.obey("")

    assert (signals.draining, signals.starts_anew) == ("SIGHUP", True)


def test_who_is_told_to_leave_while_it_starts_anew_leaves() -> None:
    signals = Signals()
    signals.restart("SIGHUP")
    signals.drain("SIGTERM")

    assert (signals.draining, signals.starts_anew) == ("SIGTERM", False)


def test_the_first_reason_to_drain_stays() -> None:
    signals = Signals()
    signals.drain("SIGTERM")
    signals.drain("idle")

    assert signals.draining == "SIGTERM"


def test_a_command_of_a_newer_version_is_not_obeyed() -> None:
    signals = Signals()
    signals.obey("dance")

    assert signals.draining == ""


def test_what_keeps_a_worker_from_claiming_has_one_word() -> None:
    signals = Signals()
    assert (signals.state, signals.is_resting) == ("", False)
    signals.close_until(LATER)
    assert (signals.state, signals.is_resting) == ("off-hours", True)
    signals.pause(True, by="ada")
    assert (signals.state, signals.paused_by) == ("paused", "ada")
    signals.drain("SIGTERM")
    assert signals.state == "draining"

    open_again = Signals()
    open_again.pause(True)
    open_again.pause(False)
    open_again.close_until(LATER)
    open_again.close_until(None)
    assert (open_again.state, open_again.is_resting) == ("", False)


async def test_news_between_looking_and_waiting_are_not_missed() -> None:
    signals = Signals()
    heard = signals.heard
    signals.notify()

    with anyio.fail_after(1):
        await signals.news(since=heard)


@pytest.mark.parametrize("change", ["drain", "pause", "hours", "labels"])
async def test_a_change_is_told_with_a_beat_at_once_and_only_once(change: str) -> None:
    signals = Signals()
    for _ in range(2):
        if change == "drain":
            signals.obey("drain")
        elif change == "pause":
            signals.pause(True)
        elif change == "hours":
            signals.close_until(LATER)
        else:
            signals.relabel({"a": "=b"})

        with anyio.move_on_after(0) as scope:
            await signals.asked_to_look()

        is_second = scope.cancelled_caught
    assert is_second


def test_why_a_worker_leaves_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    signals = Signals()
    signals.drain("SIGINT")
    signals.obey("drain")  # what it wrote into Redis itself comes back

    assert caplog.messages == ["draining: SIGINT"]
