"""What `show` tells of a task."""

import time
from collections.abc import Iterator

import msgspec
import pytest

from rq_agent.broker.asked import Asked, without_secrets
from rq_agent.broker.definition import Code, Definition, Entry, EnvironmentSpec, Function
from rq_agent.broker.history import Step, parse
from rq_agent.broker.keys import TaskId
from rq_agent.broker.links import Link, Links
from rq_agent.broker.needs import Need
from rq_agent.broker.record import parse as parse_record
from rq_agent.broker.runs import runs_of
from rq_agent.broker.task_details import TaskDetails, details_json
from rq_agent.broker.worker_hosts import Host
from rq_agent.cli.render.detail_text import lines_of, next_steps
from rq_agent.cli.render.groups import fitted

FIELDS = {
    b"name": b"tr\x1b[2Jain.py",
    b"state": b"failed",
    b"queue": b"high",
    b"exit_code": b"3",
    b"fence": b"2",
    b"attempt": b"1",
    b"lost": b"1",
    b"started_ms": b"1000",
    b"finished_ms": b"3500",
}
EXTRA = {
    b"params": b'{"epochs":"3"}',
    b"used": b'{"epochs":"3","rate":"0.5"}',
    b"reason": b"exit 3",
}
DEFINITION = Definition(
    code=Code(form="file", blob="a" * 64, size_bytes=132, origin_commit="c" * 40, dirty=True),
    environment=EnvironmentSpec(source="script header", requirements=("numpy==2 --hash=sha256:x",)),
    entry=Entry(script="train.py"),
)
ASKED = Asked(
    arguments=("--out", "a b"),
    env={"MODE": "fast"},
    grace_s=30.0,
    env_writable=False,
    mem_limit_mib=1536.0,
    exclusive="kill",
    not_after=0,
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times are of no other zone."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def service(
    *, state: bytes = b"running", result: str = "", result_bytes: int = 0, **asked: str
) -> TaskDetails:
    """Return a light task that calls a function."""
    fields = {b"state": state, b"queue": b"services", b"fence": b"4", b"shape": b"s"}
    more = {b"retry": b"restart always 2", b"isolation": b"4"}
    return TaskDetails(
        record=parse_record(TaskId("01"), fields | more, {}, {"s": Need(light=True)}),
        history=[],
        definition=msgspec.structs.replace(
            DEFINITION,
            entry=Entry(script="bot.py", function=Function(name="ask", kind="coroutine")),
        ),
        asked=msgspec.structs.replace(ASKED, **asked),
        result=result,
        result_bytes=result_bytes,
    )


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        (1, "2, coroutines, pid 71, 83.9 MB"),
        (12, "2, coroutines, pid 71, 83.9 MB shared by 12 tasks"),
    ],
)
def test_a_function_that_runs_is_shown_with_its_host(tasks: int, told: str) -> None:
    host = Host(number=2, kind="coroutine", pid=71, tasks=tasks, rss_mib=80.0, newest=("01",))
    details = msgspec.structs.replace(service(), host=host)

    assert f"  host          {told}" in lines_of(details)
    shown = details_json(details)["host"]
    assert (shown["pid"], shown["is_mem_shared"], "newest" in shown) == (71, tasks > 1, False)
    assert details_json(service())["host"] is None


@pytest.mark.parametrize(
    ("call", "told"),
    [
        ("", "ask(), a coroutine"),
        ('[[3,"a"],{"fast":true}]', 'ask(3, "a", fast=true), a coroutine'),
        ('[["\x1b"],{}]', "ask(?), a coroutine"),
        (f'[["{"x" * 600}"],{{}}]', f'ask("{"x" * 499}...), a coroutine'),
    ],
)
def test_a_call_is_shown_as_it_would_be_written(call: str, told: str) -> None:
    assert f"  function      {told}" in lines_of(service(call=call))


def test_of_a_service_it_is_told_how_it_is_restarted_and_kept_apart() -> None:
    text = "\n".join(lines_of(service()))

    assert "  needs         a service slot" in text
    assert "  restarts      after every end; 2 short runs in a row" in text
    assert "  isolation     alone in its process, since it broke one that it shared" in text
    assert "retries" not in text


def test_a_result_is_shown_or_its_beginning() -> None:
    whole = service(state=b"succeeded", result='{"n":3}', result_bytes=7)
    cut = service(state=b"succeeded", result='"aaa', result_bytes=9000)

    assert '  result        {"n":3}' in lines_of(whole)
    assert '  result        "aaa... (9.0 kB in all: rq-agent result 01)' in lines_of(cut)
    assert next_steps(whole)[0] == "result 01"
    assert not any("result" in line for line in lines_of(service(state=b"succeeded")))


def test_a_task_is_shown_in_groups_with_what_it_used_and_what_was_overridden() -> None:
    record = parse_record(TaskId("01"), FIELDS, EXTRA, {})

    steps = [Step(at=1.0, event="claimed", detail="w1"), Step(at=3.5, event="failed", detail="")]
    details = TaskDetails(record=record, history=steps, definition=DEFINITION, asked=ASKED)
    lines = list(lines_of(details))

    text = "\n".join(lines)
    assert lines[0] == "task 01  tr\ufffd[2Jain.py"
    for expected in (
        "  state         failed (exit 3)",
        "  attempt       1 (claim 2)",
        "  mem limit     1.5 GiB",
        "  exclusive     killed when its lease can't be renewed",
        "  lost          its worker was lost once",
        "  took          2.5s",
        "  * epochs      3",
        "    rate        0.5",
        "  commit        cccccccccccc with changes",
        "  packages      numpy==2",
        "  arguments     --out 'a b'",
        "  variables     MODE=fast",
        "  1970-01-01 00:00:01     2.5s  claimed by w1",
        "  1970-01-01 00:00:03           failed",
    ):
        assert expected in text
    assert "needs" not in text  # it needs nothing


def test_a_task_whose_definition_is_gone_is_shown_without_it() -> None:
    record = parse_record(TaskId("01"), FIELDS, EXTRA, {})

    details = TaskDetails(record=record, history=[], definition=None)
    assert "code" not in [line.strip() for line in lines_of(details)]


@pytest.mark.parametrize(
    ("line", "step"),
    [
        (b"1500 claimed w1 again", Step(at=1.5, event="claimed", detail="w1 again")),
        (b"1500 succeeded", Step(at=1.5, event="succeeded", detail="")),
        (b"hostile", None),
        (b"", None),
        (b"99999999999999999999 x", None),
    ],
)
def test_a_line_of_history_is_read_whatever_it_is(line: bytes, step: Step | None) -> None:
    assert parse(line) == step


@pytest.mark.parametrize(
    ("retry", "attempt", "retries"),
    [
        (
            b"3 x 10000 3600000 10 e 75",
            "2 of 4 (claim 2)",
            "3 after errored or exit 75, first after 10.0s, then twice as long, at most 1h 00m",
        ),
        (b"1 f 90000 90000 0 ft", "2 of 2 (claim 2)", "1 after failed or timed_out, 1m 30s apart"),
        (b"for ever", "2 (claim 2)", "malformed: for ever"),
    ],
)
def test_the_tries_of_a_task_are_shown(retry: bytes, attempt: str, retries: str) -> None:
    fields = FIELDS | {b"retry": retry, b"attempt": b"2"}

    record = parse_record(TaskId("01"), fields, EXTRA, {})
    lines = list(lines_of(TaskDetails(record=record, history=[], definition=None)))

    assert f"  attempt       {attempt}" in lines
    assert f"  retries       {retries}" in lines


def test_links_and_claims_are_shown_and_the_next_commands_fit_the_state() -> None:
    record = parse_record(TaskId("01"), FIELDS, EXTRA, {})
    steps = [
        Step(at=1.0, event="claimed", detail="w1"),
        Step(at=1.5, event="phase", detail="running"),
        Step(at=3.0, event="lost", detail="w1"),
        Step(at=4.0, event="claimed", detail="w2"),
        Step(at=9.0, event="failed", detail="exit 3"),
    ]
    links = Links(
        parents=(Link(id=TaskId("00"), condition="any", state="failed", name="prepare.py"),),
        children=(Link(id=TaskId("02"), condition="ok"),),
        concurrency_key="gpu-box",
        concurrency_limit=2,
    )
    details = TaskDetails(record=record, history=steps, definition=None, links=links)

    text = "\n".join(lines_of(details))

    assert "parents\n  00            failed prepare.py, however it ends\n" in text
    assert "children\n  02            not in redis any more\n" in text
    assert "  together      2 of gpu-box at a time" in text
    assert "  claim 1       w1, 1970-01-01 00:00:01: lost after 2.0s" in text
    assert "  claim 2       w2, 1970-01-01 00:00:04: failed after 5.0s" in text
    assert next_steps(details)[:2] == ("logs 01", "rerun 01")
    waits = parse_record(TaskId("01"), {b"state": b"queued"}, {}, {})
    assert next_steps(TaskDetails(record=waits, history=[], definition=None))[0] == "why 01"


def test_a_claim_that_was_held_again_is_still_one() -> None:
    steps = [
        Step(at=1.0, event="claimed", detail="w1"),
        Step(at=2.0, event="lost", detail="w1"),
        Step(at=3.0, event="readopted", detail="w1"),
    ]

    [run] = runs_of(steps, 1)

    assert (run.end, run.ended_at) == ("", None)
    [run] = runs_of([*steps, Step(at=9.0, event="lost", detail="w1")], 1)
    assert (run.end, run.ended_at) == ("lost", 9.0)


@pytest.mark.parametrize("told", ["recreated", "readopted"])
def test_a_claim_that_redis_forgot_begins_where_its_worker_told_of_it(told: str) -> None:
    steps = [
        Step(at=1.0, event="claimed", detail="w1"),
        Step(at=2.0, event="lost", detail="w1"),
        Step(at=5.0, event=told, detail="w2"),
        Step(at=9.0, event="succeeded", detail=""),
    ]

    first, second = runs_of(steps, 2)

    assert (first.claim, first.worker, first.end) == (1, "w1", "lost")
    assert (second.claim, second.worker, second.end) == (2, "w2", "succeeded")


def test_claims_are_counted_back_from_the_last_where_the_history_lost_its_beginning() -> None:
    steps = [Step(at=1.0, event="claimed", detail="w1"), Step(at=2.0, event="phase", detail="x")]

    [run] = runs_of(steps, 7)

    assert (run.claim, run.worker, run.ended_at, run.end) == (7, "w1", None, "")


@pytest.mark.parametrize("name", ["API_KEY", "hf_token", "DB_PASSWORD", "AWS_SECRET_ACCESS"])
def test_variables_whose_names_say_secret_are_not_shown(name: str) -> None:
    assert without_secrets({name: "s3cret", "MODE": "fast"}) == {name: "***", "MODE": "fast"}


def test_long_values_are_wrapped_below_themselves_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")

    shown = list(fitted(["title", "  packages      numpy==2, pandas==3, a-b-c==1"]))

    assert shown == ["title", "  packages      numpy==2, pandas==3,", "                a-b-c==1"]


def test_a_task_that_hangs_says_since_when() -> None:
    fields = FIELDS | {b"state": b"running", b"finished_ms": b""}
    record = parse_record(TaskId("01"), fields, {b"hang": b"2:90000"}, {})

    text = "\n".join(lines_of(TaskDetails(record=record, history=[], definition=None)))

    assert "  state         running (hangs)" in text
    assert "  hangs         since 1970-01-01 00:01:30" in text
