"""The rules of the dashboard: addresses, requests, sessions, tickets, lines."""

from collections.abc import Mapping
from pathlib import Path

import anyio
import msgspec
import pytest

from rq_agent.broker.counts import Counts, QueueStatistics, Spread
from rq_agent.broker.errors import UsageError
from rq_agent.broker.events import Event
from rq_agent.broker.keys import TaskId
from rq_agent.broker.presence import view
from rq_agent.web.access import logins
from rq_agent.web.access.fetches import refusal
from rq_agent.web.access.hosts import checked, is_own, url_of
from rq_agent.web.access.sessions import IDLE_S, MOST, Sessions
from rq_agent.web.live.changes import MOST as MOST_NAMED
from rq_agent.web.live.changes import fingerprints, of_events, of_workers
from rq_agent.web.live.log_stream import Place
from rq_agent.web.live.sse import frame
from rq_agent.web.memo import Memo
from rq_agent.web.query import Query
from rq_agent.web.running import Running, registered, running
from rq_agent.web.series import lengths


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("::1", "::1"),
        ("127.0.0.9", "127.0.0.9"),
    ],
)
def test_the_dashboard_listens_on_loopback(host: str, address: str) -> None:
    assert checked(host) == address


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "", "127.0.0.1:80", "*"]
)
def test_other_addresses_are_refused_with_what_to_do_instead(host: str) -> None:
    with pytest.raises(UsageError, match=r"ssh -L 7342:127\.0\.0\.1:7342"):
        checked(host)


@pytest.mark.parametrize(
    ("header", "ours"),
    [
        ("localhost", True),
        ("LocalHost:7342", True),
        ("127.0.0.1:1", True),
        ("[::1]:7342", True),
        ("[::1]", True),
        ("evil.example", False),
        ("localhost.evil.example:7342", False),
        ("127.0.0.1.evil.example", False),
        ("[::1].evil.example", False),
        ("[::1", False),
        ("0.0.0.0", False),
        ("2130706433", False),
        ("", False),
    ],
)
def test_a_request_names_this_machine_or_is_none_of_ours(header: str, ours: bool) -> None:
    assert is_own(header) is ours


def test_an_address_of_six_parts_stands_in_brackets() -> None:
    assert url_of("::1", 7) == "http://[::1]:7"
    assert url_of("127.0.0.1", 7) == "http://127.0.0.1:7"


@pytest.mark.parametrize(
    ("method", "headers", "is_api", "passes"),
    [
        ("GET", {}, True, True),
        ("GET", {"sec-fetch-site": "same-origin"}, True, True),
        ("GET", {"sec-fetch-site": "none"}, True, True),
        ("GET", {"sec-fetch-site": "same-site"}, True, False),
        ("HEAD", {"sec-fetch-site": "cross-site"}, True, False),
        ("GET", {"sec-fetch-site": "cross-site"}, False, True),
        ("POST", {}, True, False),
        ("POST", {}, False, False),
        ("POST", {"sec-fetch-site": "same-origin"}, True, True),
        ("POST", {"sec-fetch-site": "none"}, True, False),
        ("DELETE", {"sec-fetch-site": "same-site"}, True, False),
        ("POST", {"origin": "http://a:1", "host": "a:1"}, True, True),
        ("POST", {"origin": "http://a:2", "host": "a:1"}, True, False),
        ("POST", {"origin": "null", "host": ""}, True, False),
    ],
)
def test_where_a_request_comes_from_decides(
    method: str, headers: Mapping[str, str], is_api: bool, passes: bool
) -> None:
    assert (refusal(method, headers, is_api=is_api) == "") is passes


def test_a_session_ends_when_nobody_used_it_for_a_day() -> None:
    now_s = [0.0]
    sessions = Sessions(clock=lambda: now_s[0])
    kept, left = sessions.open(), sessions.open()

    now_s[0] = IDLE_S
    assert sessions.use(kept)
    now_s[0] = IDLE_S + 1

    assert sessions.use(kept)
    assert not sessions.use(left)
    sessions.close(kept)
    assert not sessions.use(kept)
    assert not sessions.use("")


def test_the_session_that_was_idle_longest_makes_room() -> None:
    sessions = Sessions()
    opened = [sessions.open() for _ in range(MOST)]
    assert sessions.use(opened[0])

    sessions.open()

    assert sessions.use(opened[0])
    assert not sessions.use(opened[1])


def test_a_ticket_is_for_ten_minutes_and_for_one(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    token = logins.new_token(folder, now_s=1000)

    assert not logins.redeem(folder, token, now_s=1000 + logins.VALID_S + 1)
    assert not logins.redeem(folder, token, now_s=1000)
    other = logins.new_token(folder, now_s=1000)
    assert logins.redeem(folder, other, now_s=1000 + logins.VALID_S)
    assert list(folder.iterdir()) == []


def test_tickets_that_nobody_used_are_swept(tmp_path: Path) -> None:
    logins.new_token(tmp_path)

    later_s = (tmp_path.stat()).st_mtime + 2 * logins.VALID_S
    logins.new_token(tmp_path, now_s=later_s)

    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_is_no_ticket_opens_nothing(tmp_path: Path) -> None:
    token = logins.new_token(tmp_path)
    [ticket] = tmp_path.iterdir()
    ticket.write_text("for ever", "ascii")

    assert not logins.redeem(tmp_path, token)


def test_a_dashboard_is_known_while_it_lives(tmp_path: Path) -> None:
    one = Running(pid=1, host="127.0.0.1", port=7342, namespace="lab", context="")
    with registered(tmp_path, one):
        assert running(tmp_path) == [one]
        assert (tmp_path / "7342.json").stat().st_mode & 0o777 == 0o600

    assert running(tmp_path) == []


def test_what_a_killed_dashboard_left_fools_nobody(tmp_path: Path) -> None:
    one = Running(pid=1, host="127.0.0.1", port=7342, namespace="lab", context="")
    (tmp_path / "7342.json").write_bytes(msgspec.json.encode(one))

    assert running(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("limt", "1")], "did you mean limit?"),
        ([("limit", "1"), ("limit", "2")], "given twice"),
        ([("limit", "x" * 257)], "longer than 256"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(
    given: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        Query(given, ("limit",), repeated=("state",))


@pytest.mark.parametrize("text", ["0", "6", "-1", "1.5", "1e3", "٣", "9" * 30])
def test_a_number_outside_of_its_limits_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="whole number from 1 to 5"):
        Query([("n", text)], ("n",)).whole("n", 3, least=1, most=5)


def test_filters_take_several_states_in_any_spelling() -> None:
    query = Query([("state", "Timed-Out"), ("state", "dead")], (), repeated=("state",))

    assert [state.value for state in query.filters().states] == ["timed_out", "dead"]


def step(enqueued: int = 0, claimed: int = 0, ended: int = 0, final: int = 0) -> QueueStatistics:
    run = Spread(count=ended, p50_s=1, p95_s=1, p99_s=1) if ended else None
    return QueueStatistics(
        queue="q",
        since_ms=0,
        until_ms=60_000,
        counts=Counts(enqueued=enqueued, claimed=claimed, succeeded=final),
        wait=None,
        run=run,
    )


@pytest.mark.parametrize(
    ("steps", "waiting", "running_now", "expected"),
    [
        ([step(), step()], 0, 0, [0, 0]),
        ([step(enqueued=5), step()], 5, 0, [5, 5]),
        ([step(enqueued=5), step(claimed=2), step()], 3, 2, [5, 3, 3]),
        ([step(enqueued=4), step(claimed=4), step(ended=4, final=4)], 0, 0, [4, 0, 0]),
        ([step(enqueued=2, claimed=2), step(ended=1), step(claimed=1)], 0, 2, [0, 1, 0]),
        ([step(), step(enqueued=9)], 0, 0, [0, 0]),
    ],
)
def test_lengths_follow_backwards_from_the_present_one(
    steps: list[QueueStatistics], waiting: int, running_now: int, expected: list[int]
) -> None:
    assert lengths(steps, waiting=waiting, running=running_now) == expected


def event(task_id: str, name: str, **fields: str) -> Event:
    return Event(id="1-1", task_id=TaskId(task_id), event=name, at=0, fields=fields)


def test_many_events_of_a_task_come_down_to_its_last() -> None:
    found = of_events(
        [event("a", "enqueued", queue="q"), event("b", "x"), event("a", "claimed", worker="w")]
    )

    assert found["tasks"] == {
        "tasks": [{"id": "a", "event": "claimed", "worker": "w"}, {"id": "b", "event": "x"}],
        "more": 0,
    }
    assert found["queues"] == {"queues": ["q"], "more": 0}


def test_a_flood_of_events_names_some_tasks_and_counts_the_rest() -> None:
    found = of_events([event(str(n), "enqueued") for n in range(MOST_NAMED + 5)])

    assert len(found["tasks"]["tasks"]) == MOST_NAMED
    assert found["tasks"]["more"] == 5


def test_no_events_say_nothing() -> None:
    assert of_events([]) == {}


def test_a_beat_alone_is_no_change_of_a_worker() -> None:
    def seen(**facts: bytes) -> dict[str, object]:
        raw = {name.encode(): value for name, value in facts.items()}
        return fingerprints([view("w", raw, [], expires_ms=9, now_ms=1)])

    before = seen(beat_ms=b"1", slots=b"2")

    assert of_workers(before, seen(beat_ms=b"7", slots=b"2")) is None
    assert of_workers(before, seen(beat_ms=b"7", slots=b"3")) == {"workers": ["w"], "more": 0}
    assert of_workers(before, {}) == {"workers": ["w"], "more": 0}


def test_an_event_is_written_on_lines_of_its_own() -> None:
    assert frame("output", {"text": "a\nb\r\n"}, at="1-1") == (
        b'id: 1-1\nevent: output\ndata: {"schema":1,"text":"a\\nb\\r\\n"}\n\n'
    )


@pytest.mark.parametrize("text", ["1", "1:", "x:1-1/0/0/0", "1:1-1", "1:0\nid: 2", "1:" + "1" * 99])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a place"):
        Place.parse(text)


def test_a_place_comes_back_as_it_was() -> None:
    assert str(Place.parse("3:5-1/10/20/30")) == "3:5-1/10/20/30"
    assert str(Place.parse("3:0")) == "3:0-0/0/0/0"
    assert Place.parse("") == Place(0, "0")


async def test_who_asks_at_once_gets_one_answer() -> None:
    asked: list[int] = []
    memo: Memo[int] = Memo(keep_s=60)

    async def ask() -> int:
        asked.append(1)
        await anyio.lowlevel.checkpoint()
        return len(asked)

    async with anyio.create_task_group() as tg:
        for _ in range(5):
            tg.start_soon(memo.get, "a", ask)

    assert await memo.get("a", ask) == 1
    assert await memo.get("b", ask) == 2


async def test_an_answer_is_kept_for_a_moment_only() -> None:
    memo: Memo[int] = Memo(keep_s=0)
    answers = iter([1, 2])

    async def ask() -> int:
        return next(answers)

    assert [await memo.get("a", ask), await memo.get("a", ask)] == [1, 2]
