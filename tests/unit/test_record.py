import msgspec
import pytest

from rq_agent.broker.keys import TaskId
from rq_agent.broker.needs import Need
from rq_agent.broker.record import UNKNOWN, Record, malformed, parse, to_json
from rq_agent.broker.states import TaskState

ID = TaskId("01abcdefgh000001")
SHAPES = {"s1": Need(gpus=2)}
RUNNING = {
    b"name": b"train.py",
    b"queue": b"high",
    b"shape": b"s1",
    b"state": b"running",
    b"phase": b"environment",
    b"priority": b"-3",
    b"order": b"2278821813190657",
    b"user": b"ada",
    b"definition": b"ab" * 32,
    b"created_ms": b"1763720000123",
    b"queued_ms": b"1763720001000",
    b"started_ms": b"1763720002000",
    b"worker": b"box-1",
    b"fence": b"2",
    b"attempt": b"1",
    b"lost": b"1",
    b"timeout_ms": b"90000",
    b"cancel": b"30000",
}
LONG = {
    b"labels": b'{"team":"vision"}',
    b"params": b'{"lr":"0.1"}',
    b"used": b'{"lr":"0.1","epochs":"3"}',
}
PROMISED = (
    "id name state phase reason queue priority position worker attempt fence lost exit_code user"
    " labels params needs created_at queued_at started_at finished_at"
)


def read(task: dict[bytes, bytes] | None = None, extra: dict[bytes, bytes] | None = None) -> Record:
    return parse(ID, RUNNING | (task or {}), LONG | (extra or {}), SHAPES)


def test_a_running_task_is_read_field_by_field() -> None:
    record = read()

    assert record == Record(
        id=ID,
        name="train.py",
        state="running",
        phase="environment",
        reason="",
        queue="high",
        priority=-3,
        position=None,
        worker="box-1",
        retry="",
        attempt=1,
        fence=2,
        lost=1,
        exit_code=None,
        user="ada",
        labels={"team": "vision"},
        params={"lr": "0.1"},
        used={"lr": "0.1", "epochs": "3"},
        needs=Need(gpus=2),
        created_at=1763720000.123,
        queued_at=1763720001.0,
        started_at=1763720002.0,
        finished_at=None,
        definition="ab" * 32,
        shape="s1",
        order="2278821813190657",
        timeout_s=90.0,
        cancel_requested=True,
    )


def test_the_json_has_every_promised_field_as_plain_values() -> None:
    shown = to_json(read())

    assert set(PROMISED.split()) <= set(shown)
    assert shown["needs"] == {"gpus": 2, "cpus": 0.0, "mem_mib": 0, "light": False}
    assert msgspec.json.decode(msgspec.json.encode(shown)) == shown


@pytest.mark.parametrize("state", [s for s in TaskState if s != TaskState.RUNNING])
def test_a_task_has_a_phase_only_while_it_runs(state: TaskState) -> None:
    assert read({b"state": state.encode()}).phase is None


def test_a_task_that_was_only_just_claimed_has_no_phase_yet() -> None:
    record = read({b"phase": b""})

    assert (record.phase, record.reason) == (None, "")


@pytest.mark.parametrize(("fence", "queued_at"), [(b"0", None), (b"1", 1763720001.0)])
def test_a_delayed_task_was_queued_only_if_it_ran_before(
    fence: bytes, queued_at: float | None
) -> None:
    assert read({b"state": b"delayed", b"fence": fence}).queued_at == queued_at


def test_a_field_that_is_not_there_has_its_usual_value() -> None:
    usual = ("priority", "fence", "attempt", "lost", "timeout_ms", "queued_ms", "user")

    record = read({name.encode(): b"" for name in usual})

    assert (record.priority, record.fence, record.attempt, record.lost) == (0, 0, 1, 0)
    assert (record.timeout_s, record.user, record.reason) == (0, "", "")
    assert record.queued_at == record.created_at == 1763720000.123


@pytest.mark.parametrize(
    ("state", "worker"),
    [("queued", None), ("delayed", None), ("running", "box-1"), ("failed", "box-1")],
)
def test_a_waiting_task_names_no_worker_even_where_its_last_one_is_still_stored(
    state: str, worker: str | None
) -> None:
    assert read({b"state": state.encode()}).worker == worker


def test_the_whole_name_wins_over_the_shortened_one() -> None:
    assert read(extra={b"name": b"n" * 90}).name == "n" * 90


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"priority", b"high"),
        (b"fence", b"1e9"),
        (b"exit_code", b"9" * 5000),
        (b"created_ms", b"nan"),
        (b"started_ms", "١٢".encode()),
        (b"lost", b"1_000"),
        (b"phase", b"dancing"),
    ],
)
def test_a_field_that_makes_no_sense_is_empty_and_named_in_the_reason(
    field: bytes, value: bytes
) -> None:
    record = read({field: value}, {b"reason": b"exit 3"})

    assert record.state == "running"
    assert record.reason == f"exit 3; malformed record: {field.decode()}"
    msgspec.json.encode(to_json(record))


@pytest.mark.parametrize(
    "value", [b"{", b"[1]", b'{"a":1}', b"\xff", b"[" * 100_000, b'{"a":' * 5000]
)
def test_labels_that_are_no_mapping_of_text_are_empty_and_named_in_the_reason(value: bytes) -> None:
    record = read(extra={b"labels": value})

    assert record.labels == {}
    assert record.reason == "malformed record: labels"


@pytest.mark.parametrize("state", [b"", b"RUNNING", b"done", b"\x00"])
def test_a_state_that_is_none_of_ours_reads_as_unknown(state: bytes) -> None:
    record = read({b"state": state})

    assert record.state == UNKNOWN
    assert "state" in record.reason


def test_an_empty_record_reads_as_unknown_and_does_not_raise() -> None:
    record = parse(ID, {}, {}, {})

    assert (record.state, record.queue, record.needs) == (UNKNOWN, "", Need())


def test_text_that_is_not_utf_8_and_control_characters_survive_as_json() -> None:
    record = read({b"name": b"a\xff\x1b[31m"})

    assert record.name == "a\\xff\x1b[31m"
    assert msgspec.json.decode(msgspec.json.encode(to_json(record)))["name"] == record.name


def test_a_key_of_the_wrong_type_gives_a_record_that_says_so() -> None:
    record = malformed(ID, "WRONGTYPE")

    assert (record.id, record.state) == (ID, UNKNOWN)
    assert record.reason == "malformed record: WRONGTYPE"
