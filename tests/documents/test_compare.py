"""The comparison is strict about words and lax about what differs from run to run."""

import pytest

from .compare import missing
from .page import Command, File, NotRun, parse


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        (
            ["task 01m7yypyngywn0c5 succeeded after 6.3s"],
            "task 01aaaabbbbccccdd succeeded after 123 ms",
        ),
        (["a", "...", "c"], "a\nb\nc"),
        (["queue ... ready"], "queue high, low: ready"),
        (["main f087acaf2"], "main 12345678"),
        (["NAME   POS"], "NAME POS"),
        ([], "anything"),
    ],
)
def test_what_differs_from_run_to_run_may_differ(shown: list[str], printed: str) -> None:
    assert missing(shown, printed) == []


@pytest.mark.parametrize(
    ("shown", "printed", "lost"),
    [
        (["succeeded"], "failed", ["succeeded"]),
        (["a", "b"], "b\na", ["b"]),
        (["one"], "one more", ["one"]),
    ],
)
def test_other_words_are_noticed(shown: list[str], printed: str, lost: list[str]) -> None:
    assert missing(shown, printed) == lost


PAGE = """
Text.

<!-- save: a.py -->
```python
print(1)
```

```console
$ one \\
    two
out
$ three
```

<!-- exit: 2 -->
```console
$ four
```

<!-- background -->
```console
$ five
ready
```

<!-- not run: no GPU here -->
```console
$ six
```
"""


def test_a_page_is_read_in_its_order() -> None:
    assert list(parse(PAGE)) == [
        File(line=5, name="a.py", text="print(1)\n"),
        Command(line=10, text="one \\\n    two", shown=("out",)),
        Command(line=13, text="three", shown=()),
        Command(line=18, text="four", shown=(), exit_code=2),
        Command(line=23, text="five", shown=("ready",), is_background=True),
        NotRun(line=28, reason="no GPU here"),
    ]


def test_commands_in_another_kind_of_block_are_refused() -> None:
    with pytest.raises(ValueError, match="line 1: commands stand in `console` blocks"):
        list(parse("```bash\nls\n```\n"))
