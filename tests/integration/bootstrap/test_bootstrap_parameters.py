"""Overrides reach argparse and rq_agent.params; the script's own parser judges them."""

import pytest

from .folder import Folder

ARGPARSE = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--hf-token", default="abc")
    args = parser.parse_args()
    print(args.epochs)
"""
PARAMS = """
    from rq_agent import params
    p = params({"lr": 0.1, "layers": [1, 2], "model": {"depth": 2}, "name": "x"})
    print(p.lr, p.layers, p.model.depth, p.name)
"""
BOTH = """
    import argparse, rq_agent
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()
    p = rq_agent.params({"lr": 0.1})
    print(args.epochs, p.lr)
"""


def test_argparse_takes_the_override_and_the_record_hides_secrets(folder: Folder) -> None:
    folder.write("script.py", ARGPARSE)

    task = folder.task("script.py", "--epochs", "3", overrides={"epochs": "5"})

    assert (task.code, task.out, task.err) == (0, "5\n", "")
    assert task.used == {"epochs": "5", "hf_token": "***"}


def test_without_overrides_the_parameters_are_recorded_all_the_same(folder: Folder) -> None:
    folder.write("script.py", ARGPARSE)

    assert folder.task("script.py", "--epochs", "3").used == {"epochs": "3", "hf_token": "***"}


def test_an_unknown_name_is_the_parsers_own_error(folder: Folder) -> None:
    folder.write("script.py", ARGPARSE)

    task = folder.task("script.py", overrides={"epoch": "5"})

    assert (task.code, task.out) == (2, "")
    assert task.err == (
        "usage: script.py [-h] [--epochs EPOCHS] [--hf-token HF_TOKEN]\n"
        "script.py: error: unrecognized parameter 'epoch' from --set; did you mean 'epochs'?\n"
    )


def test_a_wrong_type_is_the_parsers_own_error(folder: Folder) -> None:
    folder.write("script.py", ARGPARSE)

    task = folder.task("script.py", overrides={"epochs": "many"})

    assert task.code == 2
    assert task.err.endswith("error: argument --epochs: invalid int value: 'many'\n")


def test_params_take_the_overrides_and_are_recorded(folder: Folder) -> None:
    folder.write("script.py", PARAMS)
    overrides = {"lr": "1e-3", "layers": "[3]", "model.depth": "4"}

    task = folder.task("script.py", overrides=overrides)

    assert (task.code, task.out, task.err) == (0, "0.001 [3] 4 x\n", "")
    assert task.used == {"lr": "0.001", "layers": "[3]", "model.depth": "4", "name": "x"}


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"lrr": "1"}, "unrecognized parameter 'lrr' from --set; did you mean 'lr'?"),
        ({"lr": "fast"}, "parameter 'lr' from --set wants a number, got 'fast'"),
        ({"model.dept": "1"}, "did you mean 'model.depth'?"),
    ],
)
def test_params_refuse_before_the_work_begins(
    folder: Folder, overrides: dict[str, str], says: str
) -> None:
    folder.write("script.py", PARAMS)

    task = folder.task("script.py", overrides=overrides)

    assert (task.code, task.out) == (2, "")
    assert task.err.startswith("script.py: error: ")
    assert says in task.err


def test_names_are_shared_between_argparse_and_params(folder: Folder) -> None:
    folder.write("script.py", BOTH)

    task = folder.task("script.py", overrides={"epochs": "5", "lr": "0.5"})

    assert (task.code, task.out, task.err) == (0, "5 0.5\n", "")
    assert task.used == {"epochs": "5", "lr": "0.5"}


def test_a_name_that_neither_has_is_said_at_the_end(folder: Folder) -> None:
    folder.write("script.py", BOTH)

    task = folder.task("script.py", overrides={"epoch": "5"})

    assert (task.code, task.out) == (2, "1 0.1\n")
    assert task.err == (
        "rq-agent: error: unrecognized parameter 'epoch' from --set; did you mean 'epochs'?\n"
    )


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "import sys; sys.exit()"])
def test_an_override_that_nothing_read_is_never_a_success(folder: Folder, ending: str) -> None:
    folder.write("script.py", f"print('done')\n{ending}")

    task = folder.task("script.py", overrides={"lr": "1"})

    assert (task.code, task.out) == (2, "done\n")
    assert "'lr' from --set: the script reads no parameters" in task.err


@pytest.mark.parametrize(("ending", "code"), [("raise SystemExit(3)", 3), ("1 / 0", 1)])
def test_the_scripts_own_failure_is_kept(folder: Folder, ending: str, code: int) -> None:
    folder.write("script.py", ending)

    assert folder.task("script.py", overrides={"lr": "1"}).code == code


def test_a_thread_may_read_parameters_after_the_main_code(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import threading
        ended = threading.Event()
        def work():
            ended.wait()
            import argparse
            parser = argparse.ArgumentParser()
            parser.add_argument("--lr", type=float)
            print(parser.parse_args().lr)
        threading.Thread(target=work).start()
        threading.Timer(0.05, ended.set).start()
        """,
    )

    task = folder.task("script.py", overrides={"lr": "2"})

    assert (task.code, task.out, task.err) == (0, "2.0\n", "")


def test_a_second_parser_takes_what_the_first_left_over(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import argparse
        first = argparse.ArgumentParser(add_help=False)
        first.add_argument("--config", default="a.yml")
        known, rest = first.parse_known_args()
        second = argparse.ArgumentParser()
        second.add_argument("--lr", type=float)
        print(known.config, second.parse_args(rest).lr)
        """,
    )

    task = folder.task("script.py", "--lr", "3", overrides={"lr": "2", "config": "b.yml"})

    assert (task.code, task.out, task.err) == (0, "b.yml 2.0\n", "")
    assert task.used == {"config": "b.yml", "lr": "2.0"}


def test_two_parsers_that_both_read_the_command_line(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import argparse, sys
        first = argparse.ArgumentParser(); first.add_argument("--config")
        print(first.parse_known_args()[0].config)
        second = argparse.ArgumentParser(); second.add_argument("--lr", type=float)
        print(second.parse_args().lr, sys.argv[1:])
        """,
    )

    task = folder.task("script.py", overrides={"lr": "2", "config": "b.yml"})

    assert (task.code, task.out, task.err) == (0, "b.yml\n2.0 ['--lr=2']\n", "")


@pytest.mark.parametrize("argv", [[], ["--lr", "3"]])
def test_a_main_that_hands_over_sys_argv_is_the_command_line(
    folder: Folder, argv: list[str]
) -> None:
    folder.write(
        "script.py",
        """
        import argparse, sys
        def main(argv):
            parser = argparse.ArgumentParser(); parser.add_argument("--lr", type=float)
            print(parser.parse_args(argv).lr)
        main(sys.argv[1:])
        """,
    )

    assert folder.task("script.py", *argv, overrides={"lr": "2"}).out == "2.0\n"


def test_a_parse_of_something_else_is_left_alone(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import argparse
        parser = argparse.ArgumentParser(); parser.add_argument("--lr", type=float)
        inner = argparse.ArgumentParser(); inner.add_argument("--lr", type=float)
        print(inner.parse_args(["--lr", "7"]).lr, parser.parse_args().lr)
        """,
    )

    task = folder.task("script.py", overrides={"lr": "2"})

    assert (task.out, task.used) == ("7.0 2.0\n", {"lr": "2.0"})


def test_subcommands_intermixed_arguments_and_fallbacks_work_together(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import argparse
        parser = argparse.ArgumentParser()
        parser.add_argument("--seed", type=int)
        commands = parser.add_subparsers(dest="command")
        train = commands.add_parser("train"); train.add_argument("--lr", type=float)
        print(sorted(vars(parser.parse_args()).items()))
        mixed = argparse.ArgumentParser()
        mixed.add_argument("words", nargs="*"); mixed.add_argument("--seed", type=int)
        print(sorted(vars(mixed.parse_known_intermixed_args()[0]).items()))
        """,
    )

    task = folder.task("script.py", "train", "--lr", "3", overrides={"lr": "2", "seed": "4"})

    assert (task.code, task.err) == (0, "")
    assert task.out == (
        "[('command', 'train'), ('lr', 2.0), ('seed', 4)]\n[('seed', 4), ('words', ['train'])]\n"
    )


def test_a_file_of_the_users_called_argparse_is_left_alone(folder: Folder) -> None:
    folder.write("argparse.py", "class ArgumentParser: pass")
    folder.write("script.py", "import argparse; print(argparse.__file__)")

    assert folder.task("script.py") == folder.bare("script.py")


def test_one_parse_is_recorded_once_although_parsers_call_themselves(folder: Folder) -> None:
    folder.write(
        "script.py",
        """
        import argparse, os
        written, replace = [], os.replace
        os.replace = lambda old, new: (written.append(new), replace(old, new))
        parser = argparse.ArgumentParser()
        parser.add_subparsers().add_parser("train").add_argument("--lr")
        parser.parse_args()
        print(len(written))
        """,
    )

    assert folder.task("script.py", "train", "--lr", "3").out == "1\n"
