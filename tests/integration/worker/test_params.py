"""`--set name=value`, from the submission to the record."""

import pytest

from rq_agent.broker.record import Record

from .lab import Lab

ARGPARSE = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=1)
parser.add_argument("--rate", type=float, default=0.5)
parser.add_argument("--name", default="plain")
given = parser.parse_args()
print(given.epochs, given.rate, given.name)
"""
PARAMS = """
import rq_agent
given = rq_agent.params({"epochs": 1, "rate": 0.5, "model": {"depth": 2}, "name": "plain"})
print(given.epochs, given.rate, given.model.depth, given.name)
"""


async def run(lab: Lab, script: str, *argv: str, **params: str) -> Record:
    task_id = await lab.submit(
        script, argv=argv, params={name.replace("__", "."): text for name, text in params.items()}
    )
    async with lab.worker():
        [record] = await lab.ended(task_id)
    return record


async def test_a_set_value_reaches_argparse_and_the_record_tells_all_that_was_used(
    lab: Lab,
) -> None:
    record = await run(lab, ARGPARSE, "--name", "from argv", epochs="3", rate="1e-3")

    assert await lab.output(record.id) == "3 0.001 from argv\n"
    assert record.params == {"epochs": "3", "rate": "1e-3"}
    assert record.used == {"epochs": "3", "rate": "0.001", "name": "from argv"}


async def test_a_set_value_wins_over_the_command_line(lab: Lab) -> None:
    record = await run(lab, ARGPARSE, "--epochs", "7", epochs="3")

    assert (await lab.output(record.id)).startswith("3 ")


async def test_a_set_value_reaches_the_sdk(lab: Lab) -> None:
    record = await run(lab, PARAMS, epochs="3", model__depth="8", name="é = \n'")

    assert await lab.output(record.id) == "3 0.5 8 é = \n'\n"
    assert record.used == {"epochs": "3", "rate": "0.5", "model.depth": "8", "name": "é = \n'"}


@pytest.mark.parametrize("script", [ARGPARSE, PARAMS], ids=["argparse", "params"])
async def test_what_a_script_used_is_recorded_without_any_override(lab: Lab, script: str) -> None:
    record = await run(lab, script)

    assert record.params == {}
    assert record.used["epochs"] == "1"


@pytest.mark.parametrize("script", [ARGPARSE, PARAMS], ids=["argparse", "params"])
async def test_a_name_that_the_script_does_not_have_is_its_parser_s_error(
    lab: Lab, script: str
) -> None:
    record = await run(lab, script, epochz="3")

    assert (record.state, record.exit_code, record.reason) == ("failed", 2, "exit 2")
    said = await lab.output(record.id, "err")
    assert "epochz" in said
    assert "epochs" in said  # a near name
    assert "Traceback" not in said


@pytest.mark.parametrize("script", [ARGPARSE, PARAMS], ids=["argparse", "params"])
async def test_a_value_of_the_wrong_type_is_its_parser_s_error(lab: Lab, script: str) -> None:
    record = await run(lab, script, epochs="many")

    assert (record.state, record.exit_code) == ("failed", 2)
    said = await lab.output(record.id, "err")
    assert "epochs" in said
    assert "many" in said
    assert "Traceback" not in said


async def test_an_override_that_nothing_reads_is_told(lab: Lab) -> None:
    record = await run(lab, "print('no parameters here')", epochs="3")

    assert (record.state, record.exit_code) == ("failed", 2)
    assert "reads no parameters" in await lab.output(record.id, "err")
    assert record.used == {}
