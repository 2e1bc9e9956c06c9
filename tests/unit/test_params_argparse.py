"""An override becomes tokens that the script's own argparse parser takes."""

import argparse
from argparse import REMAINDER, ArgumentParser, BooleanOptionalAction
from typing import Any

import pytest

from rq_agent.worker.bootstrap.hooks.argparse_hook import _force, _parse_composed
from rq_agent.worker.bootstrap.hooks.compose import Composed, compose
from rq_agent.worker.bootstrap.hooks.tokens import BadValue


def parser_of(*options: tuple[tuple[str, ...], dict[str, Any]]) -> ArgumentParser:
    parser = ArgumentParser(prog="train.py")
    for names, settings in options:
        parser.add_argument(*names, **settings)
    return parser


def composed_parse(
    parser: ArgumentParser, argv: list[str], overrides: dict[str, str]
) -> tuple[Composed, argparse.Namespace]:
    composed = compose(parser, argv, overrides)
    space = _parse_composed(ArgumentParser.parse_args, parser, composed, None)
    _force(composed, space)
    return composed, space


def option(*names: str, **settings: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    return names, settings


LR = option("--learning-rate", "--lr", "-l", type=float, default=0.1)

CASES = [
    ("by dest", [LR], [], {"learning_rate": "1"}, {"learning_rate": 1.0}),
    ("with dashes", [LR], [], {"--learning-rate": "1"}, {"learning_rate": 1.0}),
    ("by another option string", [LR], [], {"lr": "1"}, {"learning_rate": 1.0}),
    ("beats argv", [LR], ["--lr", "3"], {"lr": "1"}, {"learning_rate": 1.0}),
    ("beats =", [LR], ["--lr=3"], {"lr": "1"}, {"learning_rate": 1.0}),
    ("beats an abbreviation", [LR], ["--learn", "3"], {"lr": "1"}, {"learning_rate": 1.0}),
    ("beats a joined short", [LR], ["-l3"], {"lr": "1"}, {"learning_rate": 1.0}),
    ("beats a separate short", [LR], ["-l", "3"], {"lr": "1"}, {"learning_rate": 1.0}),
    ("begins with a dash", [option("--name")], [], {"name": "-x y"}, {"name": "-x y"}),
    ("is empty", [option("--name", default="a")], [], {"name": ""}, {"name": ""}),
    ("required", [option("--n", type=int, required=True)], [], {"n": "2"}, {"n": 2}),
    ("choice", [option("--opt", choices=["a", "b"])], [], {"opt": "b"}, {"opt": "b"}),
    ("short only", [option("-n", type=int)], [], {"n": "-5"}, {"n": -5}),
    ("single dash long", [option("-lr", type=float)], [], {"lr": "2"}, {"lr": 2.0}),
    ("bool type", [option("--b", type=bool, default=True)], [], {"b": "false"}, {"b": False}),
    ("optional value", [option("--o", nargs="?", const="c")], ["--o"], {"o": "v"}, {"o": "v"}),
]
FLAG = option("--verbose", "-v", action="store_true")
CASES += [
    ("flag on", [FLAG], [], {"verbose": "yes"}, {"verbose": True}),
    ("flag off again", [FLAG], ["--verbose"], {"verbose": "0"}, {"verbose": False}),
    ("flag in a cluster", [FLAG, LR], ["-vl3"], {"verbose": "no"}, {"learning_rate": 3.0}),
    (
        "flag off, default on",
        [option("--f", action="store_true", default=True)],
        [],
        {"f": "false"},
        {"f": False},
    ),
    (
        "store_false by dest",
        [option("--no-cache", action="store_false", dest="cache")],
        [],
        {"cache": "false"},
        {"cache": False},
    ),
    (
        "store_false by option",
        [option("--no-cache", action="store_false", dest="cache")],
        [],
        {"no_cache": "true"},
        {"cache": False},
    ),
    (
        "two flags, one dest",
        [
            option("--on", action="store_true", dest="it"),
            option("--off", action="store_false", dest="it"),
        ],
        ["--on"],
        {"it": "false"},
        {"it": False},
    ),
    (
        "constants of one dest",
        [
            option("--fast", action="store_const", const=9, dest="speed"),
            option("--slow", action="store_const", const=1, dest="speed"),
        ],
        ["--slow"],
        {"speed": "9"},
        {"speed": 9},
    ),
    (
        "boolean pair off",
        [option("--amp", action=BooleanOptionalAction, default=True)],
        ["--amp"],
        {"amp": "off"},
        {"amp": False},
    ),
    (
        "boolean pair, said no",
        [option("--amp", action=BooleanOptionalAction)],
        [],
        {"no-amp": "true"},
        {"amp": False},
    ),
    ("count", [option("-v", action="count", dest="level")], ["-vvv"], {"level": "2"}, {"level": 2}),
    ("count 0", [option("-v", action="count", dest="level")], ["-v"], {"level": "0"}, {"level": 0}),
]
LAYERS = option("--layers", nargs="+", type=int)
PATH = option("path")
CASES += [
    ("words", [LAYERS], ["--layers", "9", "9"], {"layers": "1 2"}, {"layers": [1, 2]}),
    ("JSON list", [LAYERS], [], {"layers": "[1, 2]"}, {"layers": [1, 2]}),
    ("one of many", [LAYERS, PATH], ["p"], {"layers": "7"}, {"layers": [7], "path": "p"}),
    ("quoted", [option("--n", nargs="*")], [], {"n": "'a b' c"}, {"n": ["a b", "c"]}),
    ("none of many", [option("--n", nargs="*")], ["--n", "1"], {"n": "[]"}, {"n": []}),
    ("exactly two", [option("--size", nargs=2, type=int)], [], {"size": "3 4"}, {"size": [3, 4]}),
    (
        "append",
        [option("--t", action="append")],
        ["--t", "x"],
        {"t": '["a", "b"]'},
        {"t": ["a", "b"]},
    ),
    ("append one", [option("--t", action="append")], [], {"t": "a b"}, {"t": ["a b"]}),
    (
        "append pairs",
        [option("--t", action="append", nargs=2)],
        [],
        {"t": '[["a", "b"], ["c", "d"]]'},
        {"t": [["a", "b"], ["c", "d"]]},
    ),
    (
        "extend",
        [option("--t", action="extend", nargs="+")],
        ["--t", "x"],
        {"t": '["a", "b"]'},
        {"t": ["a", "b"]},
    ),
    ("many before a positional", [LAYERS, PATH], ["p"], {"layers": "1 2"}, {"path": "p"}),
    ("positional", [PATH], ["old"], {"path": "new"}, {"path": "new"}),
    ("positional left out", [PATH, LR], ["--lr", "2"], {"path": "-n"}, {"path": "-n"}),
    ("first of two", [option("a"), option("b")], ["1", "2"], {"a": "x"}, {"a": "x", "b": "2"}),
    ("left out of two", [option("a"), option("b")], ["2"], {"a": "x"}, {"a": "x", "b": "2"}),
    ("second left out", [option("a"), option("b")], ["1"], {"b": "x"}, {"a": "1", "b": "x"}),
    (
        "many positionals",
        [option("f", nargs="*")],
        ["1", "2"],
        {"f": "a b c"},
        {"f": ["a", "b", "c"]},
    ),
    ("behind --", [PATH, LR], ["--", "-p"], {"lr": "2"}, {"path": "-p", "learning_rate": 2.0}),
    ("positional behind --", [PATH], ["--", "-p"], {"path": "-q"}, {"path": "-q"}),
    ("negative number", [option("n", type=int)], ["-3"], {"n": "-4"}, {"n": -4}),
    (
        "remainder",
        [LR, option("cmd"), option("rest", nargs=REMAINDER)],
        ["run", "--lr", "3", "x"],
        {"lr": "2"},
        {"learning_rate": 2.0, "cmd": "run", "rest": ["--lr", "3", "x"]},
    ),
]


@pytest.mark.parametrize(
    ("options", "argv", "overrides", "wanted"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_an_override_wins_through_the_parser(
    options: list[Any], argv: list[str], overrides: dict[str, str], wanted: dict[str, Any]
) -> None:
    composed, space = composed_parse(parser_of(*options), argv, overrides)

    assert {name: getattr(space, name) for name in wanted} == wanted
    assert composed.taken == set(overrides)


def tree() -> ArgumentParser:
    common = ArgumentParser(add_help=False)
    common.add_argument("--seed", type=int, default=0)
    parser = ArgumentParser(prog="train.py", parents=[common])
    parser.add_argument("--tags", nargs="+", default=[])
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", aliases=["t"])
    train.add_argument("--epochs", type=int, default=1)
    train.add_argument("data")
    commands.add_parser("evaluate").add_argument("--threshold", type=float)
    return parser


def test_options_of_the_chosen_subcommand_and_of_its_parent_are_both_overridden() -> None:
    argv = ["--seed", "1", "train", "--epochs", "2", "d.csv"]

    _, space = composed_parse(tree(), argv, {"epochs": "7", "seed": "5", "data": "e.csv"})

    assert (space.epochs, space.seed, space.data) == (7, 5, "e.csv")


def test_many_values_of_a_parent_do_not_swallow_the_subcommand() -> None:
    parser = tree()

    _, space = composed_parse(parser, ["t", "d.csv"], {"tags": '["a", "b"]'})

    assert (space.tags, space.command, space.data) == (["a", "b"], "t", "d.csv")
    assert "--tags TAGS [TAGS ...]" in parser.format_help()  # the parser is as it was


def test_the_subcommand_itself_is_a_parameter() -> None:
    _, space = composed_parse(tree(), [], {"command": "evaluate", "threshold": "0.5"})

    assert (space.command, space.threshold) == ("evaluate", 0.5)


def test_an_option_of_another_subcommand_is_not_taken() -> None:
    composed = compose(tree(), ["evaluate"], {"epochs": "3"})

    assert composed.taken == set()
    assert composed.deepest.prog == "train.py evaluate"


def test_arguments_from_a_file_are_overridden_too(tmp_path: Any) -> None:
    (tmp_path / "args").write_text("--lr\n3\n")
    parser = ArgumentParser(fromfile_prefix_chars="@")
    parser.add_argument("--lr", type=float)

    _, space = composed_parse(parser, [f"@{tmp_path}/args"], {"lr": "1"})

    assert space.lr == 1.0


def test_exclusive_options_are_judged_by_the_parser(capsys: pytest.CaptureFixture[str]) -> None:
    parser = ArgumentParser(prog="train.py")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--cpu", action="store_true")
    group.add_argument("--gpu", action="store_true")

    with pytest.raises(SystemExit) as stop:
        composed_parse(parser, ["--cpu"], {"gpu": "true"})

    assert stop.value.code == 2
    assert "--gpu: not allowed with argument --cpu" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "overrides", "problem"),
    [
        ([FLAG], {"verbose": "maybe"}, "argument --verbose/-v: invalid value 'maybe'"),
        ([option("-v", action="count")], {"v": "many"}, "argument -v: invalid count 'many'"),
        ([option("--n", nargs="+")], {"n": "'open"}, 'argument --n: cannot split "\'open"'),
    ],
)
def test_a_value_that_fits_no_command_line_is_refused_by_the_argument(
    options: list[Any], overrides: dict[str, str], problem: str
) -> None:
    with pytest.raises(BadValue, match="from --set") as refused:
        compose(parser_of(*options), [], overrides)

    assert problem in str(refused.value)


def test_help_and_version_are_no_parameters() -> None:
    parser = parser_of(option("--version", action="version", version="1"))

    assert compose(parser, [], {"help": "1", "version": "2"}).taken == set()
